using SecureMesh.Config;
using SecureMesh.Config.Access;
using SecureMesh.Config.Environments;
using SecureMesh.Config.Sources;
using SecureMesh.Sdk;

if (args is [CheckCommand.Option, var repository]) return await CheckCommand.RunAsync(repository, Console.Out);
if (args is [FlattenCommand.Option, var path]) return await FlattenCommand.RunAsync(path, Console.Out, Console.Error);

return MeshProgram.Run(() =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.Configuration.AddInMemoryCollection([new("mesh:config:enabled", "false")]); // it cannot ask itself
    builder.AddSecureMesh("config").RefusePassports();
    builder.AddAccess();
    builder.AddSources();
    builder.AddEnvironments();
    var app = builder.Build();
    app.MapEnvironments();
    return app;
});
