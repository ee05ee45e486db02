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
        Assert.InRange(cache.Count, 5_000, 10_000);
    }

    [Fact]
    public void V_070_what_is_used_survives_a_flood_of_what_is_never_seen_again()
    {
        var cache = new CredentialCache<object>(10_000, CredentialKey.ByEnd);
        var busy = Enumerable.Range(0, 5_000).Select(i => Key("busy", i)).ToArray();
        foreach (var key in busy) cache.Add(key, key);

        for (var i = 0; i < 100_000; i++)
        {
            cache.Add(Key("once", i), new object());
            for (var j = 0; j < 4; j++) Assert.NotNull(cache.Find(busy[((i * 4) + j) % busy.Length]));
        }
        Assert.All(busy, key => Assert.Equal(key, cache.Find(key)));
    }

    [Fact]
    public void V_070_what_was_in_use_once_is_forgotten_in_the_end_wherever_it_lies()
    {
        var cache = new CredentialCache<object>(1_000);
        var once = Enumerable.Range(0, 900).Select(i => Key("former", i)).ToArray();
        foreach (var key in once) cache.Add(key, key);
        Assert.All(once, key => Assert.NotNull(cache.Find(key)));

        for (var i = 0; i < 10_000; i++) cache.Add(Key("later", i), new object());

        Assert.DoesNotContain(once, key => cache.Find(key) is not null);
    }

    [Fact]
    public void More_in_use_than_there_is_room_for_is_bounded_too()
    {
        var cache = new CredentialCache<object>(1_000);
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < 3_000; i++)
            {
                if (cache.Find(Key("all", i)) is null) cache.Add(Key("all", i), new object());
                Assert.InRange(cache.Count, 1, 1_000);
            }
        }
    }

    [Fact]
    public async Task What_is_counted_is_there_however_many_add_and_forget_at_once()
    {
        var cache = new CredentialCache<object>(500);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 50_000; i++)
            {
                var key = Key("some", random.Next(800));
                if (cache.Find(key) is { } known && random.Next(4) == 0) cache.Forget(key, known);
                else cache.Add(key, new object());
            }
        })));

        Assert.InRange(cache.Count, 1, 510);
        Assert.Equal(cache.Count, Enumerable.Range(0, 800).Count(i => cache.Find(Key("some", i)) is not null));
        cache.Clear();
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void The_value_that_came_meanwhile_is_not_forgotten()
    {
        var cache = new CredentialCache<object>(10);
        var (first, second) = (new object(), new object());
        cache.Add(Key("a", 1), first);
        cache.Add(Key("a", 1), second);

        cache.Forget(Key("a", 1), first);
        Assert.Same(second, cache.Find(Key("a", 1)));
        Assert.Equal(1, cache.Count);
        cache.Forget(Key("a", 1), second);
        Assert.Null(cache.Find(Key("a", 1)));
        Assert.Equal(0, cache.Count);
    }

    private static CredentialKey Key(string name, int i) => new(CredentialKind.Jwt, $"header.payload.{name}-{i:x16}-of-its-own");
}
