using System.Diagnostics.Metrics;

namespace SecureMesh.Auth.Audit;

/// <summary>What is counted: meter <c>SecureMesh.Auth</c>.</summary>
internal static class AuthMeter
{
    private static readonly Meter Meter = new("SecureMesh.Auth");

    /// <summary>Access tokens by grant: those that services get in their own name are counted and not kept.</summary>
    public static readonly Counter<long> Issued = Meter.CreateCounter<long>("securemesh.auth.tokens.issued", description: "Access tokens issued, by grant_type.");

    public static readonly Counter<long> Audited = Meter.CreateCounter<long>("securemesh.auth.audit.events", description: "Audit events, by type.");

    public static readonly Counter<long> AuditLost = Meter.CreateCounter<long>("securemesh.auth.audit.lost", description: "Audit events that are in the log alone.");
}
