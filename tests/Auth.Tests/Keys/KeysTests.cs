using System.Security.Cryptography;
using System.Text;
using Dapper;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Keys;

public sealed class KeysTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_16_two_instances_that_start_at_once_agree_on_one_key_for_each_algorithm(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var one = new MeshService<TokenEndpoint>(database.Settings(("mesh:demo", "true")));
        await using var two = new MeshService<TokenEndpoint>(database.Settings(("mesh:demo", "true")));

        await Task.WhenAll(Task.Run(one.Start), Task.Run(two.Start));

        var first = await one.Http.GetStringAsync("uaa/token_keys", TestContext.Current.CancellationToken);
        Assert.Equal(first, await two.Http.GetStringAsync("uaa/token_keys", TestContext.Current.CancellationToken));
        var keys = System.Text.Json.JsonDocument.Parse(first).RootElement.GetProperty("keys").EnumerateArray();
        Assert.Equal(["ES256", "RS256"], keys.Select(key => key.GetProperty("alg").GetString()));
    }

    [Fact]
    public async Task A_token_of_one_instance_is_good_at_another_and_after_a_restart()
    {
        await using var auth = await DemoAuth.StartAsync();
        await using var other = await auth.AnotherAsync();
        var signIn = await auth.SignInAsync();
        var keys = (await auth.GetAsync("uaa/token_keys")).Body;

        Assert.Equal(200, (await other.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        Assert.Equal(200, (await other.RefreshAsync(signIn.RefreshToken)).Status);
        await auth.RestartAsync();
        Assert.Equal(keys, (await auth.GetAsync("uaa/token_keys")).Body);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
    }

    [Fact]
    public async Task T_18_the_published_keys_are_public_and_named_by_thumbprint()
    {
        await using var auth = await DemoAuth.StartAsync();
        var reply = await auth.GetAsync("uaa/token_keys");
        var key = reply.Json.GetProperty("keys").EnumerateArray().First();

        Assert.Equal(["kty", "crv", "x", "y", "kid", "alg", "use", "value"], key.EnumerateObject().Select(member => member.Name));
        Assert.Equal("EC", key.GetProperty("kty").GetString());
        Assert.Equal("P-256", key.GetProperty("crv").GetString());
        Assert.Equal("ES256", key.GetProperty("alg").GetString());
        Assert.Equal("sig", key.GetProperty("use").GetString());
        var text = $$"""{"crv":"P-256","kty":"EC","x":"{{key.GetProperty("x").GetString()}}","y":"{{key.GetProperty("y").GetString()}}"}""";
        Assert.Equal(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(text))), key.GetProperty("kid").GetString());
        using var pem = ECDsa.Create();
        pem.ImportFromPem(key.GetProperty("value").GetString());
        Assert.Equal(key.GetProperty("x").GetString(), System.Buffers.Text.Base64Url.EncodeToString(pem.ExportParameters(false).Q.X));
        Assert.Equal("public, max-age=300", string.Join(", ", reply.Headers.CacheControl!.ToString()));
        Assert.Equal("*", reply.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal(key.GetRawText(), (await auth.GetAsync("uaa/token_key")).Body);
    }

    [Fact]
    public async Task T_18_K_11_K_12_the_rsa_key_has_3072_bits_and_is_published_for_rs256_alone()
    {
        await using var auth = await DemoAuth.StartAsync();
        var key = (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray().Single(key => key.GetProperty("kty").GetString() == "RSA");

        Assert.Equal(["kty", "n", "e", "kid", "alg", "use", "value"], key.EnumerateObject().Select(member => member.Name));
        Assert.Equal("RS256", key.GetProperty("alg").GetString());
        Assert.Equal("sig", key.GetProperty("use").GetString());
        Assert.Equal(3072 / 8, System.Buffers.Text.Base64Url.DecodeFromChars(key.GetProperty("n").GetString()).Length);
        Assert.Equal("AQAB", key.GetProperty("e").GetString());
        var text = $$"""{"e":"AQAB","kty":"RSA","n":"{{key.GetProperty("n").GetString()}}"}""";
        Assert.Equal(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(text))), key.GetProperty("kid").GetString());
        using var pem = RSA.Create();
        pem.ImportFromPem(key.GetProperty("value").GetString());
        Assert.Equal(3072, pem.KeySize);
    }

    [Fact]
    public async Task K_15_whoever_knows_the_keys_is_told_that_nothing_changed()
    {
        await using var auth = await DemoAuth.StartAsync();
        foreach (var path in new[] { "uaa/token_keys", "uaa/token_key" })
        {
            var first = await auth.GetAsync(path);
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            var second = await auth.SendAsync(request);

            Assert.Equal(304, second.Status);
            Assert.Equal("", second.Body);
            Assert.Equal(first.Headers.ETag, second.Headers.ETag);
            Assert.Equal("public, max-age=300", second.Headers.CacheControl!.ToString());
            using var other = new HttpRequestMessage(HttpMethod.Get, path);
            other.Headers.TryAddWithoutValidation("If-None-Match", "\"other\"");
            Assert.Equal(200, (await auth.SendAsync(other)).Status);
        }
    }

    [Theory]
    [InlineData("uaa/token_keys")]
    [InlineData("uaa/token_key")]
    public async Task V_015_no_key_endpoint_has_a_private_member(string path)
    {
        await using var auth = await DemoAuth.StartAsync();
        var json = (await auth.GetAsync(path)).Json;
        var keys = json.TryGetProperty("keys", out var list) ? list.EnumerateArray().ToArray() : [json];

        Assert.NotEmpty(keys);
        foreach (var key in keys)
        {
            Assert.DoesNotContain(key.EnumerateObject(), member => member.Name is "d" or "p" or "q" or "dp" or "dq" or "qi" or "oth" or "k");
            Assert.StartsWith("-----BEGIN PUBLIC KEY-----", key.GetProperty("value").GetString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_04_T_18_a_stolen_database_opens_nothing(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var second = await auth.RefreshAsync(signIn.RefreshToken);
        var dump = await DumpAsync(auth.Database);

        Assert.Contains("demo@example.com", dump, StringComparison.Ordinal);
        Assert.Contains("\"state\":\"active\"", dump, StringComparison.Ordinal);
        foreach (var secret in new[] { signIn.RefreshToken, second.RefreshToken, signIn.AccessToken, "account-secret", "web-secret", "adminsecret", "appclientsecret" })
            Assert.DoesNotContain(secret, dump, StringComparison.Ordinal);
        foreach (var token in new[] { signIn.RefreshToken, second.RefreshToken })
            Assert.DoesNotContain(token[6..^2], dump, StringComparison.Ordinal);
        // What a PKCS #8 key of P-256 begins with, in the encodings in which it could stand there.
        foreach (var key in new[] { "MIGHAgEA", "308187020100", "BEGIN PRIVATE KEY", "BEGIN EC PRIVATE KEY", "<masterKey", "<descriptor deserializerType=\"\"" })
            Assert.DoesNotContain(key, dump, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("KeyRingDecryptor", dump, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sealing_key_is_a_file_for_its_owner_alone()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using var auth = new MeshService<TokenEndpoint>(database.Settings(("mesh:demo", "false"))).Start();
        var path = Path.Combine(database.Data, "sealing.key");

        Assert.Equal(32, Convert.FromBase64String((await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).Trim()).Length);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Single(Directory.GetFiles(database.Data, "sealing*"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_start_without_the_sealing_key_refuses_and_makes_no_new_one(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using (var first = new MeshService<TokenEndpoint>(database.Settings()))
        {
            first.Start();
        }
        var path = Path.Combine(database.Data, "sealing.key");
        var key = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        File.Delete(path);

        var refusal = await AuthProcess.RefusalAsync(database.Settings());

        Assert.Equal($"the keys in the database are sealed and {path} is missing: put the file back from a backup, or set auth:keys:sealingKey to its content.", refusal);
        Assert.False(File.Exists(path));
        await using var again = new MeshService<TokenEndpoint>(database.Settings(("auth:keys:sealingKey", key))).Start();
        Assert.Equal(200, (int)(await again.Http.GetAsync("uaa/healthz", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_start_with_another_sealing_key_refuses_and_says_so()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using (var first = new MeshService<TokenEndpoint>(database.Settings()))
        {
            first.Start();
        }

        var refusal = await AuthProcess.RefusalAsync(database.Settings(("auth:keys:sealingKey", Convert.ToBase64String(new byte[32]))));

        Assert.StartsWith("the keys in the database are sealed with another sealing key than auth:keys:sealingKey:", refusal, StringComparison.Ordinal);
        Assert.Equal(
            "the setting auth:keys:sealingKey does not hold 32 bytes in base64, so it cannot open the sealed keys.", await AuthProcess.RefusalAsync(database.Settings(("auth:keys:sealingKey", "short"))));
        await using var again = new MeshService<TokenEndpoint>(database.Settings()).Start();
    }

    [Fact]
    public async Task An_instance_with_a_data_folder_of_its_own_does_not_start_on_the_same_database_without_the_key()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.PostgreSql);
        using var otherFolder = new TemporaryFolder();
        await using var first = new MeshService<TokenEndpoint>(database.Settings()).Start();

        Assert.Contains("is missing", await AuthProcess.RefusalAsync(database.Settings(("mesh:data", otherFolder.Path))), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(otherFolder.Path));
    }

    [Fact]
    public async Task A_damaged_signing_key_stops_the_start()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("UPDATE signing_keys SET sealed_private = 'AAAA'");

        var refusal = await AuthProcess.RefusalAsync(auth.Database.Settings(("mesh:demo", "true")));

        Assert.Matches("^the signing key [A-Za-z0-9_-]{43} in the database cannot be opened: ", refusal);
    }

    [Fact]
    public void N_08_the_runtime_is_newer_than_the_data_protection_flaw_of_10_0_0_to_10_0_6()
    {
        Assert.True(Environment.Version >= new Version(10, 0, 7), Environment.Version.ToString());
    }

    private static async Task<string> DumpAsync(TestDatabase source)
    {
        await using var database = source.Open("auth");
        await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
        var tables = await connection.QueryAsync<string>(source.Engine == SqlEngine.Sqlite
            ? "SELECT name FROM sqlite_master WHERE type = 'table'"
            : "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()");
        var dump = new StringBuilder();
        foreach (var table in tables)
            foreach (var row in await connection.QueryAsync($"SELECT * FROM {table}"))
                dump.AppendLine(System.Text.Json.JsonSerializer.Serialize((IDictionary<string, object>)row, Relaxed));
        return dump.ToString();
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
