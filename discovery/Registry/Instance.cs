namespace SecureMesh.Discovery.Registry;

/// <summary>One registered copy of a service, as the wire shows it (Eureka's InstanceInfo). Immutable: a change is a new record.</summary>
internal sealed record Instance
{
    public required string Id { get; init; }

    /// <summary>Application name, upper case.</summary>
    public required string App { get; init; }

    public string? AppGroupName { get; init; }
    public required string HostName { get; init; }
    public required string IpAddr { get; init; }
    public string? Sid { get; init; }
    public string Status { get; init; } = InstanceStatus.Up;
    public string OverriddenStatus { get; init; } = InstanceStatus.Unknown;
    public InstancePort Port { get; init; } = new(7001, true);
    public InstancePort SecurePort { get; init; } = new(7002, false);
    public int CountryId { get; init; } = 1;
    public required DataCenter DataCenter { get; init; }
    public LeaseInfo Lease { get; init; } = new();
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;
    public string? HomePageUrl { get; init; }
    public string? StatusPageUrl { get; init; }
    public string? HealthCheckUrl { get; init; }
    public string? SecureHealthCheckUrl { get; init; }
    public string? VipAddress { get; init; }
    public string? SecureVipAddress { get; init; }
    public string? AsgName { get; init; }

    /// <summary>True for the answering server's own instance alone.</summary>
    public bool IsCoordinating { get; init; }

    public long LastUpdatedTimestamp { get; init; }
    public long LastDirtyTimestamp { get; init; }
    public string ActionType { get; init; } = ChangeKind.Added;

    public InstanceKey Key => new(App, Id);
}

/// <summary>
/// What names an instance. Both parts, where Netflix keys overrides by id alone, so that another application with the same
/// id inherits or controls them (Netflix/eureka#1630).
/// </summary>
internal readonly record struct InstanceKey(string App, string Id);

internal readonly record struct InstancePort(int Number, bool Enabled);

/// <summary>Where the instance runs; <c>Name</c> is MyOwn, Amazon or Netflix, the only words the clients know.</summary>
internal sealed record DataCenter(string Name, IReadOnlyDictionary<string, string> Metadata);

/// <summary>The client's wishes and the server's times of a lease; times are epoch milliseconds, 0 when they did not happen.</summary>
internal sealed record LeaseInfo
{
    public int RenewalIntervalSeconds { get; init; } = 30;
    public int DurationSeconds { get; init; } = 90;
    public long Registration { get; init; }
    public long LastRenewal { get; init; }
    public long Eviction { get; init; }
    public long ServiceUp { get; init; }
}

/// <summary>The <c>actionType</c> words of a delta.</summary>
internal static class ChangeKind
{
    public const string Added = "ADDED";
    public const string Modified = "MODIFIED";
    public const string Deleted = "DELETED";
}
