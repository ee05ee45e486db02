using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Protocol;

/// <summary>What the configuration server sends is judged as a whole before any of it is in force.</summary>
public sealed class ChangedOptionsTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Theory]
    [InlineData("auth:token:accessTokenLifetime", "0", "auth:token:accessTokenLifetime must be 1 second to 12 hours")]
    [InlineData("auth:token:accessTokenLifetime", "soon", "Failed to convert configuration value 'soon'")]
    [InlineData("auth:hashing:queue", "0", "auth:hashing:queue must be 1 to 100000.")]
    [InlineData("mesh:revocations:whenCut", "opne", "mesh:revocations:whenCut must be open or critical")]
    public void A_fault_in_any_options_is_named_before_the_others_are_in_force(string key, string value, string fault)
    {
        Assert.StartsWith(fault, Assert.Single(Judge(("auth:token:refreshTokenIdle", "1h"), (key, value))), StringComparison.Ordinal);
        Assert.Empty(Judge(("auth:token:refreshTokenIdle", "1h")));
    }

    private string[] Judge(params (string Key, string? Value)[] changes)
    {
        var candidate = new ConfigurationBuilder().AddConfiguration(auth.Services.GetRequiredService<IConfiguration>())
            .AddInMemoryCollection(changes.Select(change => KeyValuePair.Create(change.Key, change.Value))).Build();
        return [.. auth.Services.GetServices<IConfigurationCheck>().SelectMany(check => check.Faults(candidate))];
    }
}
