using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Revocation;

/// <summary>What the SDK asks of revocations, answered by the service that makes them.</summary>
public sealed class OwnRevocationsTests
{
    [Fact]
    public async Task Auth_asks_its_own_revocations_and_follows_nobody()
    {
        await using var auth = await DemoAuth.StartAsync();
        var revocations = auth.Services.GetRequiredService<ITokenRevocations>();
        var marks = new TokenMarks("uaa", "jti", null, null, null, "app", null, auth.Clock.GetUtcNow().ToUnixTimeSeconds());
        var (before, told, later) = (revocations.Version, 0L, 0);
        using var watch = revocations.OnChange(() => told = revocations.IsRevoked(marks) ? revocations.Version : -1);
        revocations.OnChange(() => later++).Dispose();

        Assert.IsType<OwnRevocations>(revocations);
        Assert.True(revocations.IsCurrent && revocations.Silence < TimeSpan.FromMinutes(1));
        Assert.False(revocations.IsRevoked(marks));
        await auth.Services.GetRequiredService<IRevocations>().AddAsync(
            RevocationEvent.OfToken("uaa", "jti", auth.Clock.GetUtcNow().AddMinutes(10), "test"), TestContext.Current.CancellationToken);

        Assert.True(revocations.IsRevoked(marks));
        Assert.True(told > before); // in force, then the version, then the call
        Assert.Equal(0, later);
    }
}
