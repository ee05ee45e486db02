using System.CommandLine;
using SecureMesh.Cli.Commands;
using SecureMesh.Sdk;

var clock = TimeProvider.System;
var root = new RootCommand("SecureMesh: access security for a mesh of services.")
{
    UpCommand.Create(clock),
    StatusCommand.Create(clock),
    LogsCommand.Create(clock),
    DownCommand.Create(clock),
    SecretsCommand.Create(),
    RemoveDemoCommand.Create(),
};
var arguments = root.Parse(args);
if (arguments.Errors.Count > 0)
{
    Console.Error.WriteLine($"mesh: {string.Join(" ", arguments.Errors.Select(e => e.Message))} See ./mesh --help.");
    return 1;
}

try
{
    // The commands end themselves on a signal: by default the library would leave two seconds for that and then just exit.
    return await arguments.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (MeshStartException e)
{
    Console.Error.WriteLine("mesh: " + e.Message.ReplaceLineEndings(" "));
    return MeshProgram.CannotStart;
}
