using System.Net;

namespace SecureMesh.Auth.Audit;

/// <summary>One thing worth keeping (T-22): issue, refresh, refusal, revocation, reuse, consent, key event. Never a secret, not even a part of one.</summary>
/// <param name="Type">What happened, in the words of the contract: <c>token.issued</c>, <c>refresh.reused</c>, <c>client.refused</c>, <c>key.activated</c> ...</param>
internal sealed record AuditEvent(string Type)
{
    public string? ClientId { get; init; }
    public string? UserId { get; init; }

    /// <summary>The <c>jti</c> of the token it is about.</summary>
    public string? TokenId { get; init; }

    public string? SessionId { get; init; }
    public IPAddress? Address { get; init; }

    /// <summary>Why, in words of ours: nothing that a caller sent.</summary>
    public string? Reason { get; init; }
}

/// <summary>The append-only record of what happened.</summary>
internal interface IAudit
{
    /// <summary>Takes the event over; it is stored in the background and never lost silently.</summary>
    void Record(AuditEvent entry);
}
