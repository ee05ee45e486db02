using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Apps;
using SecureMesh.Discovery.Registry;
using SecureMesh.Sdk;

return MeshProgram.Run(() =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddSecureMesh("registry").RefusePassports();
    builder.AddRegistry();
    builder.AddAccess();
    builder.AddApps();
    var app = builder.Build();
    app.MapApps();
    return app;
});
