using SecureMesh.Account.Accounts;
using SecureMesh.Account.Registration;
using SecureMesh.Sdk;

return MeshProgram.Run(() =>
{
    if (args.Contains(RemoveDemoCommand.Argument)) return RemoveDemoCommand.Build(args);

    var builder = WebApplication.CreateBuilder(args);
    builder.AddSecureMesh("account-service");
    builder.AddAccounts();
    builder.AddRegistration();

    var app = builder.Build();
    app.MapAccounts();
    app.MapRegistration();
    return app;
});
