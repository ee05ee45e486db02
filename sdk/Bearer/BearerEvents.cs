using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Where the framework's bearer handler asks: which token, which claims, and how to refuse.</summary>
internal sealed partial class BearerEvents(IErrorDialect dialect, RevokedTokens revoked, ServiceRefusals refusals, ILogger<BearerEvents> logger) : JwtBearerEvents
{
    public override Task MessageReceived(MessageReceivedContext context)
    {
        var (kind, token) = BearerHeader.Read(context.Request);
        switch (kind)
        {
            case BearerHeaderKind.Token: context.Token = token; break;
            // Always decided here: left open, the framework would read the header again, less strictly.
            case BearerHeaderKind.None: context.NoResult(); break;
            case BearerHeaderKind.Several: context.Fail(new SeveralHeadersException()); break;
            default: context.Fail(new TokenRefusedException("the Authorization header is malformed")); break;
        }
        return Task.CompletedTask;
    }

    /// <summary>A good token may have been revoked.</summary>
    public override Task TokenValidated(TokenValidatedContext context)
    {
        if (revoked.Fault(context.SecurityToken) is { } fault) context.Fail(fault);
        return Task.CompletedTask;
    }

    /// <summary>A refused token is an answer, never an exception.</summary>
    public override Task AuthenticationFailed(AuthenticationFailedContext context)
    {
        context.Fail(context.Exception);
        return Task.CompletedTask;
    }

    public override Task Challenge(JwtBearerChallengeContext context)
    {
        context.HandleResponse();
        if (context.AuthenticateFailure is not { } failure) return WriteAsync(context.HttpContext, Refusals.NoToken, "no bearer token");
        return WriteAsync(context.HttpContext, Refusals.Of(failure), Refusals.CauseOf(failure));
    }

    public override Task Forbidden(ForbiddenContext context)
    {
        var problem = Refusals.Forbidden(context.HttpContext);
        return WriteAsync(context.HttpContext, problem, problem.Scopes is { } scopes ? "none of the scopes " + string.Join(' ', scopes) : "the endpoint's policy");
    }

    private Task WriteAsync(HttpContext http, Problem problem, string cause)
    {
        Log.Refused(logger, problem.Status, problem.Error, cause);
        refusals.Refused(http, problem, cause);
        return http.Response.HasStarted ? Task.CompletedTask : dialect.WriteAsync(http, problem);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Refused, LogLevel.Information, "Refused with {Status} {Error}: {Cause}")]
        public static partial void Refused(ILogger logger, int status, string error, string cause);
    }
}
