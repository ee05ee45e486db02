using SecureMesh.Cli.Terminal;

return await MeshCommandLine.RunAsync(Shell.OfThisProcess(), args);
