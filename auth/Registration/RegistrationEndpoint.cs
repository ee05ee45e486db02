using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Registration;

/// <summary>
/// <c>/uaa/users</c> for services (scope <c>server</c>) that register people. A caller that sends <c>Idempotency-Key</c> may
/// repeat the request after a lost answer, and undo exactly this registration when its own half fails.
/// </summary>
internal sealed partial class RegistrationEndpoint(
    BearerAuthentication bearer, IUsers users, SlowHash slow, TimeProvider time, ILogger<RegistrationEndpoint> logger)
{
    public async Task<IResult> RegisterAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var caller = await bearer.AuthenticateAsync(http, scope: "server", cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var request = await RegistrationRequest.ReadAsync(http.Request, cancellationToken);
        if (!request.IsSuccess) return request.Error;
        var key = KeyHash(http.Request);
        if (!key.IsSuccess) return key.Error;

        var clientId = caller.Value.Client.Id;
        var registration = key.Value.Length == 0 ? ((string, string)?)null : (clientId, key.Value);
        // Asked first, because a hash is expensive; the unique index decides all the same.
        if (await users.FindByNameAsync(Zone.Default, request.Value.UserName, cancellationToken) is { } taken)
            return await AgainAsync(taken, request.Value, registration);
        if (await slow.HashAsync(request.Value.Password) is not { } hash) return OAuthError.Busy("the queue of slow hashes is full");
        var user = new User
        {
            Id = User.NewId(),
            ZoneId = Zone.Default,
            UserName = request.Value.UserName,
            // A registration names no address, and none is made up (V-018). A name that looks like one proves nothing: taken for
            // an address it would open the accounts of its owner (V-074).
            Email = "",
            PasswordHash = hash,
            Salt = Entropy.HexId(),
            CreatedAt = time.GetUtcNow(),
            Registration = registration,
        };
        if (await users.TryAddAsync(user, [], cancellationToken))
        {
            Log.Registered(logger, user.Id, clientId);
            return TypedResults.Ok();
        }
        return await users.FindByNameAsync(Zone.Default, request.Value.UserName, cancellationToken) is { } winner
            ? await AgainAsync(winner, request.Value, registration)
            : Taken(request.Value.UserName);
    }

    public async Task<IResult> UndoAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var caller = await bearer.AuthenticateAsync(http, scope: "server", cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var key = KeyHash(http.Request);
        if (!key.IsSuccess) return key.Error;
        if (key.Value.Length == 0) return OAuthError.InvalidRequest("Missing header: Idempotency-Key");
        var userName = (string)http.Request.RouteValues["username"]!;
        if (!userName.All(RegistrationRequest.IsSafe)) return OAuthError.NotFound();

        var clientId = caller.Value.Client.Id;
        var undone = await users.UndoRegistrationAsync(Zone.Default, userName, clientId, key.Value, time.GetUtcNow() - User.UndoRegistrationWithin, cancellationToken);
        if (undone is null) return OAuthError.NotFound();
        Log.Undone(logger, undone, clientId);
        return TypedResults.Ok();
    }

    // The same registration once more is no conflict: same client, same key, same name, same password.
    private async Task<IResult> AgainAsync(User user, RegistrationRequest request, (string ClientId, string KeyHash)? registration)
    {
        if (registration is null || user.Registration != registration) return Taken(request.UserName);
        var check = await slow.VerifyAsync(request.Password, user.PasswordHash);
        if (check == HashCheck.Busy) return OAuthError.Busy("the queue of slow hashes is full");
        if (check == HashCheck.Mismatch) return Taken(request.UserName);
        Log.Repeated(logger, user.Id, registration.Value.ClientId);
        return TypedResults.Ok();
    }

    private static OAuthError Taken(string userName) => new(409, "scim_resource_already_exists", $"Username already in use: {userName}") { AsScim = true };

    // The hash of the key, empty when there is none: the key is the right to undo, so it is kept like a token.
    private static Result<string, OAuthError> KeyHash(HttpRequest request)
    {
        var values = request.Headers["Idempotency-Key"];
        if (values.Count == 0) return "";
        var key = values.ToString();
        return values.Count == 1 && key.Length is >= 22 and <= 128 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(key)))
            : OAuthError.InvalidRequest("Idempotency-Key must be 22 to 128 letters, digits, hyphens and underscores");
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.UserRegistered, LogLevel.Information, "Registered user {UserId} for {ClientId}")]
        public static partial void Registered(ILogger logger, string userId, string clientId);

        [LoggerMessage(EventIds.RegistrationRepeated, LogLevel.Information, "The registration of user {UserId} was repeated by {ClientId}")]
        public static partial void Repeated(ILogger logger, string userId, string clientId);

        [LoggerMessage(EventIds.RegistrationUndone, LogLevel.Information, "The registration of user {UserId} was undone by {ClientId}")]
        public static partial void Undone(ILogger logger, string userId, string clientId);
    }
}
