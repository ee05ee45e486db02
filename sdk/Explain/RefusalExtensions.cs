using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>For endpoints that decide by themselves who may.</summary>
public static class RefusalExtensions
{
    private const int Longest = 300;

    /// <summary>
    /// Says why the endpoint refuses: in the service's log, and to administrators who ask for the request's trace id
    /// (<c>./mesh why</c>). The caller reads nothing of it. It counts when the answer has one of the statuses that are explained
    /// (<see cref="Explanations.Explains"/>), and the last word counts.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="cause">The rule that the request does not meet, without any part of a secret.</param>
    /// <param name="fix">The nearest way to mend it, in one sentence; null when there is none.</param>
    public static void RefusedBecause(this HttpContext http, string cause, string? fix = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(cause);
        http.Items[typeof(OwnCause)] = new OwnCause(PlainWords.Of(cause, Longest), fix is null ? null : PlainWords.Of(fix, Longest));
    }

    internal static OwnCause? OwnCause(this HttpContext http) => http.Items.TryGetValue(typeof(OwnCause), out var said) ? (OwnCause?)said : null;
}

/// <summary>What an endpoint says of its own refusal.</summary>
internal sealed record OwnCause(string Cause, string? Fix);
