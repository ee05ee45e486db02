using SecureMesh.Gateway.Access;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Credentials that end in the year 2100 and are never seen again.</summary>
public sealed class HygieneCacheTests
{
    [Fact]
    public void V_070_a_hundred_thousand_credentials_that_do_not_end_fill_no_more_than_the_cache()
    {
        var cache = new CredentialCache<object>(10_000, CredentialKey.ByEnd);
        var most = 0;
        for (var i = 0; i < 100_000; i++)
        {
            cache.Add(new CredentialKey(CredentialKind.Jwt, $"header.payload.signature-{i:x16}-of-its-own"), new object());
            if (i % 1_000 == 0) most = Math.Max(most, cache.Count);
        }

        Assert.InRange(most, 5_000, 10_000);
    }
}
