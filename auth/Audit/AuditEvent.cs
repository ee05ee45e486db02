using System.Net;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Audit;

/// <summary>One thing worth keeping (T-22): issue, refresh, refusal, revocation, reuse, consent, key event. Never a secret, not even a part of one.</summary>
/// <param name="Type">What happened, in the words of the contract: <c>token.issued</c>, <c>refresh.reused</c>, <c>client.refused</c>, <c>key.activated</c> ...</param>
internal sealed record AuditEvent(string Type)
{
    public string ZoneId { get; init; } = Zone.Default;
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

/// <summary>An event with when it happened and the request it belongs to.</summary>
internal sealed record AuditRow(AuditEvent Event, DateTimeOffset At, string? TraceId);

/// <summary>Where the events are kept: rows are added and never changed.</summary>
internal interface IAuditRows
{
    /// <summary>Adds them in one transaction, in this order.</summary>
    Task AddAsync(IReadOnlyList<AuditRow> rows, CancellationToken cancellationToken);
}
