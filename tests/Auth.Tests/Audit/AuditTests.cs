using System.Net;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Tests.ApiTokens;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Audit;

/// <summary>What happened is kept (T-22).</summary>
public sealed class AuditTests
{
    private const string Service = "account-service:account-secret";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_22_issue_refresh_refusal_reuse_and_revocation_are_kept_with_who_and_from_where(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var renewed = await auth.RefreshAsync(signIn.RefreshToken);
        await auth.SignInAsync(password: "wrong");
        await auth.SignInAsync(user: "nobody");
        await auth.TokenAsync("account-service:wrong", ("grant_type", "client_credentials"));
        await auth.TokenAsync("stranger:x", ("grant_type", "client_credentials"));
        await auth.TokenAsync(Service, ("grant_type", "client_credentials"));
        await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", renewed.AccessToken));
        await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", "nothing"));
        auth.Clock.Advance(TimeSpan.FromSeconds(11));
        await auth.RefreshAsync(signIn.RefreshToken);
        var user = signIn.Claims.GetProperty("sub").GetString();

        var rows = await RowsAsync(auth, 11);

        Assert.Equal(
            [
                ("token.issued", "browser", user, signIn.Text("jti"), "password"),
                ("token.refreshed", "browser", user, renewed.Text("jti"), "password"),
                ("user.refused", null, user, null, "wrong password"),
                ("token.refused", "browser", null, null, "password: invalid_client"),
                ("user.refused", null, null, null, "unknown user"),
                ("token.refused", "browser", null, null, "password: invalid_client"),
                ("client.refused", "account-service", null, null, "wrong secret"),
                ("client.refused", null, null, null, "unknown client"),
                ("token.revoked", "browser", user, renewed.Text("jti"), "revoked by its holder"),
                ("refresh.reused", "browser", user, renewed.Claims.GetProperty("grant_id").GetString(), "a used refresh token came back: all tokens of the sign-in ended"),
                ("token.refused", "browser", null, null, "refresh_token: invalid_token"),
            ],
            rows.Select(row => (row.Type, row.ClientId, row.UserId, row.TokenId, row.Reason!)));
        Assert.Equal(Enumerable.Range(1, 11).Select(i => (long)i), rows.Select(row => row.Sequence));
        Assert.All(rows, row =>
        {
            Assert.Equal("127.0.0.1", row.Address);
            Assert.Equal("uaa", row.ZoneId);
            Assert.Equal(32, row.TraceId!.Length);
        });
    }

    [Fact]
    public async Task T_22_X_14_no_secret_and_no_second_line_gets_into_the_table_or_the_log()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        var api = await ApiTokenTests.CreateAsync(auth, signIn.AccessToken, new { label = "x" });
        var opaque = await auth.TokenAsync(Service, ("grant_type", "client_credentials"), ("token_format", "opaque"));
        await auth.SignInAsync(user: "evil\nInformation forged line", password: "canary-password");
        await auth.TokenAsync("canary-client\r\nforged:canary-secret", ("grant_type", "client_credentials"));
        foreach (var token in new[] { signIn.RefreshToken, signIn.AccessToken, api.Text("token"), opaque.AccessToken })
            await auth.PostAsync("uaa/oauth/revoke", token == opaque.AccessToken ? Service : "browser:", ("token", token));
        auth.Services.GetRequiredService<IAudit>().Record(new AuditEvent("test") { ClientId = "a\nb\u0085c", Reason = new string('x', 600) + "\r\n", Address = IPAddress.Loopback });

        var rows = await RowsAsync(auth, 9);

        var all = string.Join('\n', rows.Select(row => row.ToString())) + string.Join('\n', auth.Logs);
        foreach (var secret in new[] { signIn.RefreshToken, signIn.AccessToken, api.Text("token"), opaque.AccessToken }) Assert.DoesNotContain(secret[6..30], all, StringComparison.Ordinal);
        foreach (var canary in new[] { "canary", "forged", "evil" }) Assert.DoesNotContain(canary, all, StringComparison.Ordinal);
        var test = rows.Single(row => row.Type == "test");
        Assert.Equal("a?b?c", test.ClientId);
        Assert.Equal(500, test.Reason!.Length);
        Assert.Contains(auth.Logs, line => line.Contains("test a?b?c", StringComparison.Ordinal));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_22_events_wait_for_a_store_that_is_away(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await auth.ExecuteAsync("ALTER TABLE audit_events RENAME TO away");
        var audit = auth.Services.GetRequiredService<IAudit>();
        for (var i = 0; i < 300; i++) audit.Record(new AuditEvent("test") { Reason = $"n{i}" });
        var since = TimeProvider.System.GetTimestamp();
        while (!auth.Logs.Any(line => line.Contains("could not be stored", StringComparison.Ordinal)))
        {
            Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.Zero, TimeSpan.FromSeconds(30));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await auth.ExecuteAsync("ALTER TABLE away RENAME TO audit_events");

        var rows = await RowsAsync(auth, 300);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"n{i}"), rows.Select(row => row.Reason));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_22_what_was_taken_over_is_stored_before_the_service_ends(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var audit = auth.Services.GetRequiredService<IAudit>();
        for (var i = 0; i < 1000; i++) audit.Record(new AuditEvent("test") { Reason = $"n{i}" });

        await auth.RestartAsync();

        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1000, await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_events"));
    }

    [Fact]
    public async Task T_22_two_instances_number_their_events_together_without_a_gap()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        await Task.WhenAll(new[] { one, two }.Select(auth => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++) auth.Services.GetRequiredService<IAudit>().Record(new AuditEvent("test") { Reason = $"n{i}" });
        })));

        Assert.Equal(Enumerable.Range(1, 1000).Select(i => (long)i), (await RowsAsync(one, 1000)).Select(row => row.Sequence));
    }

    [Fact]
    public async Task T_22_a_flood_of_refusals_is_counted_and_not_kept_one_by_one()
    {
        await using var auth = await DemoAuth.StartAsync();
        var audit = auth.Services.GetRequiredService<IAudit>();
        for (var i = 0; i < 5000; i++) audit.Record(new AuditEvent("client.refused"));
        audit.Record(new AuditEvent("token.issued"));

        await auth.RestartAsync();

        var rows = await RowsAsync(auth, 2);
        Assert.InRange(rows.Count(row => row.Type == "client.refused"), 50, 1000);
        Assert.Single(rows, row => row.Type == "token.issued");
        var kept = rows.Count(row => row.Type == "client.refused");
        Assert.Equal(5000 - kept, rows.Where(row => row.Type == "refusals.left_out").Sum(row => int.Parse(row.Reason!.Split(' ')[0], null)));
    }

    private static async Task<IReadOnlyList<Row>> RowsAsync(DemoAuth auth, int atLeast)
    {
        var since = TimeProvider.System.GetTimestamp();
        await using var database = auth.Database.Open("auth");
        while (true)
        {
            await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
            var rows = (await connection.QueryAsync<Row>("SELECT * FROM audit_events ORDER BY sequence")).AsList();
            if (rows.Count >= atLeast) return rows;
            Assert.True(TimeProvider.System.GetElapsedTime(since) < TimeSpan.FromSeconds(30), $"{rows.Count} of {atLeast}: {string.Join(", ", rows.Select(row => row.Type))}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private sealed record Row
    {
        public long Sequence { get; init; }
        public string Type { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string? ClientId { get; init; }
        public string? UserId { get; init; }
        public string? TokenId { get; init; }
        public string? SessionId { get; init; }
        public string? Address { get; init; }
        public string? Reason { get; init; }
        public string? TraceId { get; init; }
    }
}
