using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Health;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Registration;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Seed;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Storage;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

if (args is ["--remove-demo"]) return MeshProgram.Run(RemoveDemo.Build);

return MeshProgram.Run(() =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddSecureMesh("auth-service");
    builder.AddStorage();
    builder.AddProtocol();
    builder.AddAudit();
    builder.AddRevocation();
    builder.AddKeys();
    builder.AddLimits();
    builder.AddClients();
    builder.AddUsers();
    builder.AddSessions();
    builder.AddApprovals();
    builder.AddLogin();
    builder.AddToken();
    builder.AddAuthorize();
    builder.AddInspection();
    builder.AddRegistration();
    builder.AddMetadata();
    builder.AddPruning();
    builder.AddSeed();

    var app = builder.Build();
    app.MapToken();
    app.MapAuthorize();
    app.MapKeys();
    app.MapInspection();
    app.MapRegistration();
    app.MapMetadata();
    app.MapHealthz();
    app.MapProtocol();
    return app;
});
