using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Knows a service of the mesh by its own secret, or by a token that was made for this service and holds scope <c>server</c>.</summary>
internal sealed partial class CredentialsHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    CredentialTable table, IOptions<MeshOptions> mesh, IErrorDialect dialect, ServiceRefusals refusals)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    private const string Basic = "Basic ";

    private static readonly Problem NoCredentials = new(401, "unauthorized", "Full authentication is required to access this resource")
    {
        Challenge = "Basic realm=\"securemesh\", charset=\"UTF-8\"",
    };

    private static readonly Problem BadCredentials = NoCredentials with { Detail = "Bad credentials" };

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var (kind, _) = BearerHeader.Read(Request);
        if (kind == BearerHeaderKind.Several) return Fail(Refusals.SeveralHeaders, "more than one Authorization header");
        if (kind != BearerHeaderKind.None) return await BearerAsync();
        var value = Request.Headers.Authorization.ToString();
        if (!value.StartsWith(Basic, StringComparison.OrdinalIgnoreCase)) return AuthenticateResult.NoResult();
        if (BasicCredentials.Read(value[Basic.Length..]) is not { } credentials) return Fail(BadCredentials, "the Basic credentials are malformed");
        return table.Verify(credentials.Name, credentials.Secret)
            ? Success(credentials.Name)
            : Fail(BadCredentials, "unknown name or wrong secret");
    }

    private async Task<AuthenticateResult> BearerAsync()
    {
        var result = await Context.AuthenticateAsync(CallerMode.Scheme);
        if (result.Failure is { } failure) return Fail(Refusals.Of(failure), Refusals.CauseOf(failure));
        if (!result.Succeeded) return AuthenticateResult.NoResult();
        // The audience of the gateway is in every token of every person; here only tokens made for this service count.
        if (!result.Principal.HasClaim("aud", mesh.Value.Audience)) return Fail(Refusals.InvalidToken, "for another audience");
        if (!result.Principal.HasScope("server")) return Fail(Refusals.InsufficientScope(["server"]), "no scope server");
        return AuthenticateResult.Success(new AuthenticationTicket(result.Principal, Scheme.Name));
    }

    private AuthenticateResult Success(string name)
    {
        var identity = new ClaimsIdentity([new Claim("client_id", name), new Claim("sub", name)], Scheme.Name, "client_id", null);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    private static AuthenticateResult Fail(Problem answer, string cause) => AuthenticateResult.Fail(new CredentialsRefused(answer, cause));

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var refused = (await HandleAuthenticateOnceSafeAsync()).Failure as CredentialsRefused;
        await WriteAsync(refused?.Answer ?? NoCredentials, refused?.Message ?? "no credentials");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        WriteAsync(Refusals.Forbidden(Context), "the endpoint's policy");

    private Task WriteAsync(Problem problem, string cause)
    {
        Log.Refused(Logger, problem.Status, problem.Error, cause);
        refusals.Refused(Context, problem, cause);
        return dialect.WriteAsync(Context, problem);
    }

    private sealed class CredentialsRefused(Problem answer, string cause) : Exception(cause)
    {
        public Problem Answer { get; } = answer;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.CredentialsRefused, LogLevel.Information, "Refused with {Status} {Error}: {Cause}")]
        public static partial void Refused(ILogger logger, int status, string error, string cause);
    }
}
