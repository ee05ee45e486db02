using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Explain;
using SecureMesh.Gateway.Forwarding;
using SecureMesh.Gateway.Health;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Limits;
using SecureMesh.Gateway.Listening;
using SecureMesh.Gateway.Metadata;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;

if (args is [PolicyTest.Option]) return await PolicyTest.RunAsync(Compose, Console.In, Console.Out);

return MeshProgram.Run(() =>
{
    var app = Compose(WebApplication.CreateBuilder(args)).Build();
    app.UseHygiene(); // before routing: what routing sees must be what is sent
    app.UseRouting();
    app.UseAccess();
    app.MapRoutes();
    app.MapMetadata();
    app.MapExplain();
    app.MapReadiness();
    return app;
});

static WebApplicationBuilder Compose(WebApplicationBuilder builder)
{
    builder.AddSecureMesh("gateway").RefusePassports();
    builder.AddProtocol();
    builder.AddListening();
    builder.AddHygiene();
    builder.AddLimits();
    builder.AddAccess();
    builder.AddPassport();
    builder.AddDestinations();
    builder.AddForwarding();
    builder.AddRoutes();
    builder.AddMetadata();
    builder.AddExplain();
    builder.AddReadiness();
    return builder;
}
