using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Keys;

public sealed class RotationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_16_a_key_is_announced_then_active_then_retired_then_removed_and_instances_agree(SqlEngine engine)
    {
        Assert.Equal(TimeSpan.FromDays(90), new RotationOptions().RotateEvery);
        await using var auth = await DemoAuth.StartAsync(engine, ("auth:rotation:rotateEvery", "3d"));
        await using var other = await auth.AnotherAsync();
        var first = await KidsAsync(auth);
        Assert.Equal(2, first.Length);

        await AdvanceAsync(TimeSpan.FromDays(2) - TimeSpan.FromHours(2), auth, other);
        Assert.Equal(first, await KidsAsync(auth));
        Assert.Equal(first, await KidsAsync(other));

        // Announced: published everywhere, signing nowhere.
        await AdvanceAsync(TimeSpan.FromHours(3), auth, other);
        var announced = await KidsAsync(auth);
        Assert.Equal(4, announced.Length);
        Assert.Equal(announced, await KidsAsync(other));
        Assert.Contains(await KidAsync(auth), first);
        // The keys are as old as the data of all tests, and the service looks by itself while the clock moves: each step may
        // come up to an hour and a half before the end of the move.
        await AdvanceAsync(TimeSpan.FromHours(22), auth, other);
        Assert.Contains(await KidAsync(auth), first);
        var early = (await other.SignInAsync()).AccessToken;

        // Active: the old key signs no more, and what it signed stays good.
        await AdvanceAsync(TimeSpan.FromMinutes(122), auth, other);
        var (kid, otherKid) = (await KidAsync(auth), await KidAsync(other));
        Assert.Equal(kid, otherKid);
        Assert.Contains(kid, announced.Except(first));
        Assert.Equal(announced.Order(), (await KidsAsync(auth)).Order());
        Assert.Equal(kid, (await auth.GetAsync("uaa/token_key")).Text("kid"));
        Assert.True((await Tokens(other).VerifyAsync(early, "at+jwt", evenExpired: true, Cancel)).IsSuccess);
        Assert.Equal(200, (await other.GetAsync("uaa/userinfo", (await auth.SignInAsync()).AccessToken)).Status);

        // Retired for as long as any token may live, then gone with its private half.
        await AdvanceAsync(TimeSpan.FromHours(11), auth, other);
        Assert.Equal(4, (await KidsAsync(auth)).Length);
        await AdvanceAsync(TimeSpan.FromMinutes(125), auth, other);
        Assert.Equal(announced.Except(first).Order(), (await KidsAsync(auth)).Order());
        Assert.Equal(await KidsAsync(auth), await KidsAsync(other));
        Assert.Equal("no such key", (await Tokens(auth).VerifyAsync(early, "at+jwt", evenExpired: true, Cancel)).Error);
        Assert.Equal(2, await auth.ExecuteAsync("DELETE FROM signing_keys WHERE state = 'removed' AND sealed_private = '' AND removed_at IS NOT NULL"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_16_every_step_is_taken_once_however_many_instances_take_it(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine, ("auth:rotation:rotateEvery", "3d"));
        await using var other = await auth.AnotherAsync();
        foreach (var step in new[] { TimeSpan.FromDays(2), TimeSpan.FromDays(1) })
        {
            auth.Clock.Advance(step);
            other.Clock.Advance(step);
            await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => Rotation(i % 2 == 0 ? auth : other).TurnAsync(Cancel))));
        }
        var states = (await auth.Services.GetRequiredService<ISigningKeys>().ListAsync("uaa", Cancel)).Select(key => $"{key.Alg} {key.Generation} {key.State}");

        Assert.Equal(["ES256 1 retired", "ES256 2 active", "RS256 1 retired", "RS256 2 active"], states);
    }

    [Fact]
    public async Task OP_D_11_after_a_rotation_the_key_set_has_a_new_key_and_still_the_old_one()
    {
        await using var auth = await DemoAuth.StartAsync();
        var before = await KidsAsync(auth);

        var reply = await RotateAsync(auth, "");

        Assert.Equal(200, reply.Status);
        Assert.False(reply.Json.GetProperty("emergency").GetBoolean());
        Assert.Empty(reply.Json.GetProperty("removed").EnumerateArray());
        Assert.Equal(["announced", "announced"], reply.Json.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("state").GetString()));
        var signsFrom = auth.Clock.GetUtcNow().AddHours(24).ToUnixTimeSeconds();
        Assert.All(reply.Json.GetProperty("keys").EnumerateArray(), key => Assert.Equal(signsFrom, key.GetProperty("signs_from").GetInt64()));
        Assert.Equal(4, (await KidsAsync(auth)).Length);
        Assert.Equal(before, (await KidsAsync(auth)).Take(2));
        Assert.Equal(reply.Json.GetProperty("keys").GetRawText(), (await RotateAsync(auth, "emergency=false")).Json.GetProperty("keys").GetRawText());
        await AdvanceAsync(TimeSpan.FromHours(24), auth);
        Assert.DoesNotContain(await KidAsync(auth), before);
        Assert.Equal(4, (await KidsAsync(auth)).Length);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_16_in_an_emergency_new_keys_sign_at_once_and_nothing_old_counts(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await using var other = await auth.AnotherAsync();
        await RotateAsync(auth, "");
        await Rotation(other).TurnAsync(Cancel);
        var before = await KidsAsync(auth);
        var old = await auth.SignInAsync();
        // On SQLite there is one process, and nobody tells a second one what not to remember.
        if (engine == SqlEngine.PostgreSql) Assert.Equal(200, (await other.GetAsync("uaa/userinfo", old.AccessToken)).Status);

        var reply = await RotateAsync(auth, """{"emergency":true}""", "application/json");

        Assert.Equal(200, reply.Status);
        Assert.Equal(before.Order(), reply.Json.GetProperty("removed").EnumerateArray().Select(kid => kid.GetString()!).Order());
        Assert.Equal(["active", "active"], reply.Json.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("state").GetString()));
        Assert.Empty(before.Intersect(await KidsAsync(auth)));
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", old.AccessToken)).Status);
        // The other instance has not looked yet, and takes a token of the new key nevertheless.
        var fresh = await auth.SignInAsync();
        Assert.Equal(200, (await other.GetAsync("uaa/userinfo", fresh.AccessToken)).Status);
        Assert.Equal(401, (await other.GetAsync("uaa/userinfo", old.AccessToken)).Status);
        Assert.Equal(await KidsAsync(auth), await KidsAsync(other));
        // Sign-ins are not ended by it: their refresh tokens are no JWTs.
        Assert.Equal(200, (await other.RefreshAsync(old.RefreshToken)).Status);
        Assert.Equal(before.Order(), (await RevokedAsync(auth)).Order());
        await auth.RestartAsync();
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", fresh.AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_16_emergencies_at_the_same_moment_leave_one_active_key_for_each_algorithm(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await using var other = await auth.AnotherAsync();

        var replies = await Task.WhenAll(RotateAsync(auth, "emergency=true"), RotateAsync(other, "emergency=true"));

        // The second one's own token may be of a key that the first one has just removed.
        Assert.Contains(replies, reply => reply.Status == 200);
        Assert.All(replies, reply => Assert.Contains(reply.Status, new[] { 200, 401 }));
        await Rotation(auth).TurnAsync(Cancel);
        await Rotation(other).TurnAsync(Cancel);
        Assert.Equal(2, (await KidsAsync(auth)).Length);
        Assert.Equal(await KidsAsync(auth), await KidsAsync(other));
        Assert.Equal(200, (await other.GetAsync("uaa/userinfo", (await auth.SignInAsync()).AccessToken)).Status);
    }

    [Fact]
    public async Task Keys_are_rotated_for_administrators_alone_and_bad_bodies_change_nothing()
    {
        await using var auth = await DemoAuth.StartAsync();
        var before = await KidsAsync(auth);
        var user = (await auth.SignInAsync()).AccessToken;

        Assert.Equal(401, (await RotateAsAsync(auth, "emergency=true", null)).Status);
        Assert.Equal(403, (await RotateAsAsync(auth, "emergency=true", user)).Status);
        Assert.Equal(405, (await auth.GetAsync("uaa/keys/rotate", user)).Status);
        foreach (var body in new[] { "emergency=maybe", "emergency=true&emergency=true" }) Assert.Equal(400, (await RotateAsync(auth, body)).Status);
        foreach (var body in new[] { "[]", "{", "{\"emergency\":1}", "{\"emergency\":true,\"emergency\":false}", "" })
            Assert.Equal(400, (await RotateAsync(auth, body, "application/json")).Status);
        Assert.Equal(400, (await RotateAsync(auth, "emergency=true", "text/plain")).Status);
        Assert.Equal(before, await KidsAsync(auth));
    }

    [Fact]
    public async Task V_015_V_016_T_18_no_log_and_no_answer_holds_a_part_of_a_private_key()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        using var logs = new EverythingLogged();
        await using var auth = new MeshService<TokenEndpoint>(
            database.Settings(("mesh:demo", "true"), ("Logging:LogLevel:Default", "Trace")), services => services.AddLogging(logging => logging.AddProvider(logs).AddFilter<EverythingLogged>(null, LogLevel.Trace))).Start();
        var keys = auth.Services.GetRequiredService<KeyRing>();
        var secrets = Secrets(keys).ToList();
        await auth.Services.GetRequiredService<KeyRotation>().AnnounceAsync(Cancel);
        await auth.Services.GetRequiredService<KeyRotation>().ReplaceAsync(Cancel);
        secrets.AddRange(Secrets(keys));
        var answers = new StringBuilder();
        foreach (var path in new[] { "uaa/token_keys", "uaa/token_key", "uaa/.well-known/openid-configuration", "uaa/keys/rotate", "uaa/nothing", "actuator/health" })
            answers.AppendLine(await (await auth.Http.GetAsync(path, Cancel)).Content.ReadAsStringAsync(Cancel));

        Assert.Contains(logs.Lines, line => line.Contains("key.activated", StringComparison.Ordinal));
        Assert.Contains(logs.Lines, line => line.StartsWith("Debug", StringComparison.Ordinal));
        var everything = string.Join('\n', logs.Lines) + answers;
        foreach (var secret in secrets)
            foreach (var text in new[] { Convert.ToBase64String(secret).TrimEnd('='), Base64Url.EncodeToString(secret), Convert.ToHexString(secret) })
                Assert.DoesNotContain(text, everything, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Faulty_settings_of_the_rotation_are_named_as_an_operator_types_them()
    {
        var faults = new RotationOptionsValidator().Validate(null, new RotationOptions
        {
            RotateEvery = TimeSpan.FromMinutes(1),
            AnnounceFor = TimeSpan.FromMinutes(9),
            KeepRetired = TimeSpan.FromHours(12),
            ReloadEvery = TimeSpan.FromHours(1),
        }).Failures!;

        Assert.Equal(["auth:rotation:announceFor", "auth:rotation:rotateEvery", "auth:rotation:keepRetired", "auth:rotation:reloadEvery"], faults.Select(fault => fault.Split(' ')[0]));
        Assert.True(new RotationOptionsValidator().Validate(null, new RotationOptions()).Succeeded);
    }

    private static IEnumerable<byte[]> Secrets(KeyRing keys)
    {
        foreach (var algorithm in new[] { "ES256", "RS256" })
        {
            var pkcs8 = keys.Active(algorithm).ToPkcs8();
            if (algorithm == "ES256")
            {
                using var ec = ECDsa.Create();
                ec.ImportPkcs8PrivateKey(pkcs8, out _);
                yield return ec.ExportParameters(true).D!;
                continue;
            }
            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(pkcs8, out _);
            var parameters = rsa.ExportParameters(true);
            yield return parameters.D!;
            yield return parameters.P!;
            yield return parameters.Q!;
        }
    }

    private static KeyRotation Rotation(DemoAuth auth) => auth.Services.GetRequiredService<KeyRotation>();

    private static OwnTokens Tokens(DemoAuth auth) => auth.Services.GetRequiredService<OwnTokens>();

    private static async Task AdvanceAsync(TimeSpan by, params DemoAuth[] instances)
    {
        foreach (var instance in instances) instance.Clock.Advance(by);
        // Twice each: what one did last, the first learns in its next turn.
        for (var i = 0; i < 2; i++)
            foreach (var instance in instances) await Rotation(instance).TurnAsync(Cancel);
    }

    private static async Task<string[]> KidsAsync(DemoAuth auth) =>
        [.. (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];

    private static async Task<string> KidAsync(DemoAuth auth) => Jwt.Header((await auth.SignInAsync()).AccessToken).GetProperty("kid").GetString()!;

    private static async Task<string[]> RevokedAsync(DemoAuth auth)
    {
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        return [.. await connection.QueryAsync<string>("SELECT subject FROM revocations WHERE kind = 'key'")];
    }

    private static async Task<Reply> RotateAsync(DemoAuth auth, string body, string type = "application/x-www-form-urlencoded") =>
        await RotateAsync(auth, body, type, (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"))).AccessToken);

    private static Task<Reply> RotateAsAsync(DemoAuth auth, string body, string? bearer) => RotateAsync(auth, body, "application/x-www-form-urlencoded", bearer);

    private static async Task<Reply> RotateAsync(DemoAuth auth, string body, string type, string? bearer)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/keys/rotate");
        if (bearer is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        if (body.Length > 0 || type != "application/x-www-form-urlencoded") request.Content = new StringContent(body, Encoding.UTF8, type);
        return await auth.SendAsync(request);
    }

    private sealed class EverythingLogged : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel} {formatter(state, exception)} {exception}");

        public void Dispose() { }
    }
}
