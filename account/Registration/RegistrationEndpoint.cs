using SecureMesh.Account.Accounts;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

/// <summary>Registers an account and the user who signs in to it.</summary>
internal sealed partial class RegistrationEndpoint(RegistrationLimit limit, Registrar registrar, ILogger<RegistrationEndpoint> logger)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        // 1. Count the attempt before anything is read.
        if (limit.Count(http) is { } tooMany)
        {
            Log.Limited(logger, http.Connection.RemoteIpAddress?.ToString());
            return tooMany;
        }
        // 2. Read and check the request.
        var request = await RegistrationRequest.ReadAsync(http.Request, cancellationToken);
        if (!request.IsSuccess) return request.Refusal;
        // 3. Register.
        return await registrar.RegisterAsync(request.Value, cancellationToken) switch
        {
            RegistrationOutcome.Registered { Account: var account } => new AccountResult(account),
            // The empty body is what clients of this path know a taken name by.
            RegistrationOutcome.Taken => Results.BadRequest(),
            RegistrationOutcome.Refused => new Problem(400, "invalid_request", "This user name or password is not accepted"),
            RegistrationOutcome.Unavailable { RetryAfter: var wait } =>
                new Problem(503, "temporarily_unavailable", "The account could not be created; try again later") { RetryAfter = wait },
            var outcome => throw new InvalidOperationException($"no answer for {outcome}"),
        };
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RegistrationLimited, LogLevel.Information, "Refused a registration from {Address}: too many attempts")]
        public static partial void Limited(ILogger logger, string? address);
    }
}
