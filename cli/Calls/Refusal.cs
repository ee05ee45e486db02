using System.Net;
using System.Text.Json;
using SecureMesh.Cli.Credentials;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>Says in plain words why the mesh refused, and what the caller can do: from problem+json, OAuth errors, the challenge and the status.</summary>
internal static class Refusal
{
    /// <param name="answer">An answer of status 400 or above.</param>
    /// <param name="token">What was sent with the request; null: nothing.</param>
    public static CommandFailure Explain(WireAnswer answer, Bearer? token)
    {
        var code = answer.Challenge?.Error ?? answer.Text("error");
        var exitCode = answer.Status switch
        {
            401 => ExitCode.NotSignedIn,
            403 => ExitCode.Forbidden,
            429 or 502 or 503 or 504 => ExitCode.Unreachable,
            _ => ExitCode.Failed,
        };
        var text = answer.Status switch
        {
            401 => NotAccepted(answer, token),
            403 => NotAllowed(answer, code, token),
            429 or 503 => Later(answer),
            _ => Said(answer),
        };
        var traceId = TraceId(answer);
        var trace = traceId is null ? "" : $" (trace id {traceId})";
        return new CommandFailure(exitCode, $"{answer.Status} {Phrase(answer.Status)}: {text}{trace}") { Status = answer.Status, TraceId = traceId };
    }

    /// <summary>The same for a call with a credential of the caller's own, about which nothing is known here.</summary>
    public static CommandFailure ExplainOwn(WireAnswer answer) => Explain(answer, new Bearer(BearerOrigin.Header, "", scope: null));

    private static string NotAccepted(WireAnswer answer, Bearer? token)
    {
        if (token is null) return "nobody is signed in: sign in with ./mesh login, or put an API token into MESH_TOKEN.";
        var description = Description(answer);
        // UAA's sentence names every cause at once: "expired, was revoked, or the token ID is incorrect".
        var isExpired = description.Contains("expired", StringComparison.OrdinalIgnoreCase) && !description.Contains("revoked", StringComparison.OrdinalIgnoreCase);
        var why = isExpired ? "has expired" : description.Length > 0 ? $"was not accepted ({description})" : "was not accepted";
        return token.Origin switch
        {
            BearerOrigin.Variable => $"the token in MESH_TOKEN {why}.",
            BearerOrigin.Header => $"the credential of your Authorization header {why}.",
            BearerOrigin.Client => $"the token of the client {why}.",
            _ => $"the access token {why}: sign in again with ./mesh login.",
        };
    }

    private static string NotAllowed(WireAnswer answer, string? code, Bearer? token)
    {
        if (code != "insufficient_scope") return Said(answer);
        var scopes = answer.Challenge is { Scopes.Count: > 0 } challenge ? challenge.Scopes : (answer.Text("scope") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (scopes.Count == 0) return Said(answer);
        var needed = scopes.Count == 1 ? $"the scope {PlainText.Of(scopes[0])} is missing" : $"one of the scopes {PlainText.Of(string.Join(", ", scopes))} is needed";
        var held = token?.Scope is { Length: > 0 } scope ? $"; this token has {PlainText.Of(scope)}" : "";
        var advice = token?.Origin == BearerOrigin.SignIn ? $" If you may have it: ./mesh login --scope \"{PlainText.Of($"{token.Scope} {scopes[0]}".Trim())}\"." : "";
        return $"{needed}{held}.{advice}";
    }

    private static string Later(WireAnswer answer)
    {
        var wait = answer.RetryAfter is { } delay ? $" Try again in {Math.Ceiling(delay.TotalSeconds):0} s." : " Try again later.";
        return Said(answer) + wait;
    }

    private static string Said(WireAnswer answer)
    {
        var description = Description(answer);
        if (answer.Json.Get("errors") is { ValueKind: JsonValueKind.Object } errors)
            description += " " + string.Join(" ", errors.EnumerateObject().SelectMany(e => errors.Texts(e.Name).Select(m => $"{PlainText.Of(e.Name)}: {PlainText.Of(m)}")));
        if (description.Length > 0) return description.TrimEnd('.') + ".";
        return answer.Status is 502 or 504 ? "a service behind the gateway does not answer." : "no reason was given.";
    }

    private static string Description(WireAnswer answer) => PlainText.Of(
        answer.Text("detail") ?? answer.Text("error_description") ?? answer.Text("message") ?? answer.Challenge?.Description ?? answer.Text("error"));

    private static string? TraceId(WireAnswer answer) => answer.Text("traceId") is { } id ? PlainText.Of(id) : null;

    private static string Phrase(int status) => Enum.IsDefined((HttpStatusCode)status) ? PhraseOf((HttpStatusCode)status) : "Refused";

    private static string PhraseOf(HttpStatusCode status)
    {
        using var response = new HttpResponseMessage(status);
        return response.ReasonPhrase ?? "";
    }
}
