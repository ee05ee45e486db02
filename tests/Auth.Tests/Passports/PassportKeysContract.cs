using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Passports;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Tests.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Passports;

/// <summary>What every store of passport keys must do alike; the stores are those of two instances.</summary>
public abstract class PassportKeysContract(SqlEngine engine) : IAsyncLifetime
{
    private DemoAuth _one = null!;
    private DemoAuth _two = null!;
    private IPassportKeys[] _stores = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private DateTimeOffset Now => _one.Clock.GetUtcNow();

    public async ValueTask InitializeAsync()
    {
        _one = await DemoAuth.StartAsync(engine);
        _two = await _one.AnotherAsync();
        _stores = [.. new[] { _one, _two }.Select(auth => auth.Services.GetRequiredService<IPassportKeys>())];
        foreach (var client in new[] { "edge", "other" }) await Given.ClientAsync(_one, client, "client_credentials", authorities: "passports.announce");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _two.DisposeAsync();
        await _one.DisposeAsync();
    }

    private Task<Announcement> AnnounceAsync(string kid, string client = "edge", double minutes = 10, int most = 256, int store = 0) =>
        _stores[store].AnnounceAsync("uaa", client, Key(kid), Now, Now.AddMinutes(minutes), most, Cancel);

    private async Task<string[]> ListedAsync(int store = 1) => [.. (await _stores[store].ListAsync(Now, Cancel)).Select(key => key.Kid)];

    [Fact]
    public async Task A_key_comes_back_at_every_instance_as_it_was_announced_until_its_lease_is_over()
    {
        Assert.Equal(Announcement.Announced, await AnnounceAsync("k"));

        Assert.Equal(Key("k"), Assert.Single(await _stores[1].ListAsync(Now, Cancel)));
        Assert.Single(await _stores[1].ListAsync(Now.AddMinutes(10).AddMilliseconds(-1), Cancel));
        Assert.Empty(await _stores[1].ListAsync(Now.AddMinutes(10), Cancel));
    }

    [Fact]
    public async Task A_renewal_counts_from_now_also_when_the_lease_is_over()
    {
        await AnnounceAsync("k");
        _one.Clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(Announcement.Renewed, await AnnounceAsync("k", store: 1));
        _one.Clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(["k"], await ListedAsync());
        _one.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty(await ListedAsync());

        Assert.Equal(Announcement.Renewed, await AnnounceAsync("k"));
        Assert.Equal(["k"], await ListedAsync());
    }

    [Fact]
    public async Task A_key_belongs_to_the_client_that_came_first_of_twenty_at_two_instances()
    {
        for (var i = 0; i < 20; i++) await Given.ClientAsync(_one, "client" + i, "client_credentials");

        var became = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => AnnounceAsync("k", "client" + i, store: i % 2))));

        Assert.Single(became, Announcement.Announced);
        Assert.Equal(19, became.Count(one => one == Announcement.OfAnother));
        Assert.Equal(["k"], await ListedAsync());
    }

    [Fact]
    public async Task One_key_too_many_is_refused_and_those_that_are_there_can_be_renewed()
    {
        for (var i = 0; i < 3; i++) Assert.Equal(Announcement.Announced, await AnnounceAsync("k" + i, most: 3));

        Assert.Equal(Announcement.TooMany, await AnnounceAsync("k3", most: 3));
        Assert.Equal(Announcement.Renewed, await AnnounceAsync("k0", most: 3, minutes: 20));
        Assert.Equal(Announcement.Announced, await AnnounceAsync("theirs", "other", most: 3));
        _one.Clock.Advance(TimeSpan.FromMinutes(10)); // two leases end
        Assert.Equal(Announcement.Announced, await AnnounceAsync("k3", most: 3));
        Assert.Equal(["k0", "k3"], await ListedAsync());
    }

    [Fact]
    public async Task Only_the_client_that_announced_a_key_withdraws_it()
    {
        await AnnounceAsync("k");

        Assert.False(await _stores[1].WithdrawAsync("uaa", "other", "k", Cancel));
        Assert.False(await _stores[1].WithdrawAsync("other", "edge", "k", Cancel));
        Assert.False(await _stores[1].WithdrawAsync("uaa", "edge", "K", Cancel));
        Assert.True(await _stores[1].WithdrawAsync("uaa", "edge", "k", Cancel));
        Assert.False(await _stores[0].WithdrawAsync("uaa", "edge", "k", Cancel));
        Assert.Empty(await ListedAsync(0));
    }

    [Fact]
    public async Task A_revoked_key_is_gone_told_to_all_and_never_comes_back()
    {
        await AnnounceAsync("k", minutes: 1);
        var (head, _) = await _one.Services.GetRequiredService<IRevocationRows>().HeadAsync(Cancel);

        Assert.Equal("edge", await _stores[1].RevokeAsync("uaa", "k", Now, "test", Cancel));

        Assert.Empty(await ListedAsync(0));
        var told = Assert.Single(await _one.Services.GetRequiredService<IRevocationRows>().ReadAsync(head, 10, Cancel)).Revocation;
        Assert.Equal((RevocationKind.Key, "k", "test", Now.AddHours(25).ToUnixTimeMilliseconds()), (told.Kind, told.Subject, told.Because, told.ExpiresAt.ToUnixTimeMilliseconds()));
        Assert.Equal(Announcement.Revoked, await AnnounceAsync("k"));
        Assert.Equal(Announcement.Revoked, await AnnounceAsync("k", "other"));
        Assert.False(await _stores[0].WithdrawAsync("uaa", "edge", "k", Cancel));
        Assert.Null(await _stores[0].RevokeAsync("uaa", "k", Now, "again", Cancel));
        Assert.Null(await _stores[0].RevokeAsync("uaa", "unknown", Now, "test", Cancel));
    }

    [Fact]
    public async Task The_keys_of_a_client_that_is_disabled_or_gone_are_nobodys()
    {
        await AnnounceAsync("k");
        await AnnounceAsync("theirs", "other");

        await _one.ExecuteAsync("UPDATE clients SET enabled = @no WHERE client_id = 'edge'");
        Assert.Equal(["theirs"], await ListedAsync());
        await _one.ExecuteAsync("DELETE FROM clients WHERE client_id = 'other'");
        Assert.Empty(await ListedAsync());
    }

    [Fact]
    public async Task T_12_keys_are_deleted_when_they_have_ended_and_revoked_ones_when_nobody_takes_them_any_more()
    {
        await AnnounceAsync("ended");
        await AnnounceAsync("revoked");
        await AnnounceAsync("kept", minutes: 10_000);
        await _stores[0].RevokeAsync("uaa", "revoked", Now, "test", Cancel);

        await PruneAsync(Now.AddMinutes(15).AddMilliseconds(-1));
        Assert.Equal(Announcement.OfAnother, await AnnounceAsync("ended", "other"));
        await PruneAsync(Now.AddMinutes(15));
        Assert.Equal(Announcement.Announced, await AnnounceAsync("ended", "other"));
        Assert.Equal(Announcement.Revoked, await AnnounceAsync("revoked"));
        await PruneAsync(Now.AddHours(25).AddMinutes(5));
        Assert.Equal(Announcement.Announced, await AnnounceAsync("revoked"));
        Assert.Equal(Announcement.Renewed, await AnnounceAsync("kept"));
    }

    private async Task PruneAsync(DateTimeOffset at)
    {
        foreach (var prunable in _two.Services.GetServices<Pruning.IPrunable>().Where(one => one.Rows == "passport keys"))
            while (!await prunable.PruneAsync(at, Cancel)) { }
    }

    private static PassportKey Key(string kid) => new(kid, "x of " + kid, "y of " + kid);
}

public sealed class SqlitePassportKeysTests() : PassportKeysContract(SqlEngine.Sqlite);

public sealed class PostgreSqlPassportKeysTests() : PassportKeysContract(SqlEngine.PostgreSql);
