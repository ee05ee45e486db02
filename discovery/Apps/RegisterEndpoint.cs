using Microsoft.Extensions.Options;
using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Apps;

/// <summary>Operation 1: register, register again, change.</summary>
internal sealed class RegisterEndpoint(LeaseRegistry registry, NamePolicy names, Audit audit, TimeProvider time, IOptions<MeshOptions> mesh)
{
    public async Task HandleAsync(HttpContext http)
    {
        var (app, caller) = (Route.App(http), Caller.Of(http));
        // 1. A reserved name is refused before a stranger's body is read.
        if (!names.MayTouch(caller, app))
        {
            audit.Refused(http, app, "", "the name is reserved");
            await Answer.Empty(http, StatusCodes.Status403Forbidden);
            return;
        }
        // 2. Read the instance.
        var (status, json, body) = await RequestBody.ReadAsync(http.Request, http.RequestAborted);
        if (status != StatusCodes.Status200OK)
        {
            await Answer.Empty(http, status);
            return;
        }
        if (!InstanceReader.TryRead(body, app, time.GetUtcNow().ToUnixTimeMilliseconds(), out var instance, out var fault)
            || (fault = RegistrationRules.Fault(instance)) is not null)
        {
            audit.Malformed(http, app, fault);
            await Answer.Malformed(http, fault, json);
            return;
        }
        // 3. Judge every name it would be found under: the application and each VIP.
        if (!names.MayRegister(caller, instance))
        {
            audit.Refused(http, instance.App, instance.Id, "a name is not the caller's");
            await Answer.Empty(http, StatusCodes.Status403Forbidden);
            return;
        }
        // 4. Register; whose the instance is decides the registry, under its lock.
        var outcome = registry.Register(instance with { IsCoordinating = IsThisServer(http, caller, instance) }, caller.Name);
        if (outcome == Outcome.Done) audit.Registered(http, instance.Key);
        else audit.Refused(http, instance.App, instance.Id, outcome == Outcome.NotOwner ? "the instance belongs to another" : "too many instances");
        await Answer.Empty(http, outcome switch
        {
            Outcome.Done => StatusCodes.Status204NoContent,
            Outcome.NotOwner => StatusCodes.Status403Forbidden,
            _ => StatusCodes.Status429TooManyRequests,
        });
    }

    private bool IsThisServer(HttpContext http, Caller caller, Instance instance) =>
        caller.Name == mesh.Value.Name
        && instance.App.Equals(mesh.Value.Name, StringComparison.OrdinalIgnoreCase)
        && (instance.Port.Number == http.Connection.LocalPort || instance.SecurePort.Number == http.Connection.LocalPort);
}
