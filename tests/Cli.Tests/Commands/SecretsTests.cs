using System.Security.Cryptography;
using System.Text;
using SecureMesh.Cli.Commands;
using SecureMesh.Cli.Start;
using SecureMesh.Cli.State;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Commands;

public sealed class SecretsTests
{
    [Fact]
    public void The_file_holds_every_name_that_compose_asks_for_and_no_value_twice()
    {
        var (values, _) = Secrets();
        var asked = System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(Path.Combine(Root, "docker-compose.yml")), @"\$\{([A-Z_]+):\?")
            .Select(m => m.Groups[1].Value).Distinct().Order();

        Assert.Equal(asked, values.Keys.Order());
        Assert.Equal(values.Count, values.Values.Distinct().Count());
    }

    [Fact]
    public void Hashes_belong_to_the_secrets_beside_them()
    {
        var (values, _) = Secrets();

        Assert.Equal(Hash(values["MESH_CLIENT_SECRET_GATEWAY"]), values["MESH_CLIENT_HASH_GATEWAY"]);
        Assert.Equal(Hash(values["MESH_CLIENT_SECRET_WEB"]), values["MESH_CLIENT_HASH_WEB"]);
        Assert.Equal(Hash(values["MESH_CLIENT_SECRET_ACCOUNT_SERVICE"]), values["MESH_CLIENT_HASH_ACCOUNT_SERVICE"]);
        Assert.Equal(
            string.Join(',', new[] { "gateway", "auth-service", "account-service", "config", "registry" }
                .Select(n => $"{n}:{Hash(values["MESH_SECRET_" + n.Replace('-', '_').ToUpperInvariant()])}")),
            values["MESH_CREDENTIALS"]);
    }

    [Fact]
    public void The_administrators_secret_is_told_beside_the_file_which_has_its_hash_alone()
    {
        var (values, said) = Secrets();
        var secret = System.Text.RegularExpressions.Regex.Match(said, "[A-Za-z0-9_-]{43}").Value;

        Assert.Equal(Hash(secret), values["MESH_CLIENT_HASH_ADMIN"]);
        Assert.DoesNotContain(secret, values.Values);
    }

    [Fact]
    public void The_sealing_key_has_32_bytes_in_base64_as_auth_reads_it() =>
        Assert.Equal(32, Convert.FromBase64String(Secrets().Values["MESH_SEALING_KEY"]).Length);

    [Fact]
    public void Each_container_of_the_token_service_has_a_folder_of_its_own_and_the_sealing_key_by_its_environment()
    {
        var compose = File.ReadAllText(Path.Combine(Root, "docker-compose.yml"));

        Assert.Contains("AUTH__KEYS__SEALINGKEY: \"${MESH_SEALING_KEY:?", compose, StringComparison.Ordinal);
        foreach (var volume in System.Text.RegularExpressions.Regex.Matches(compose, @"([a-z0-9-]+):/data""").Select(m => m.Groups[1].Value))
            Assert.Single(System.Text.RegularExpressions.Regex.Matches(compose, $@"[\["" ]{volume}:/data"""));
    }

    [Fact]
    public void No_secret_is_that_of_the_demo()
    {
        var (values, _) = Secrets();

        Assert.DoesNotContain("account-secret", values.Values);
        Assert.DoesNotContain("web-secret", values.Values);
    }

    [Fact]
    public void The_announcement_of_the_demo_warns_and_has_three_lines_to_paste()
    {
        var text = Announce(demo: true, null);

        Assert.Equal(3, text.Split('\n').Count(l => l.Contains("curl ", StringComparison.Ordinal)));
        Assert.Contains("WARNING: the demo identities are on", text, StringComparison.Ordinal);
        Assert.Contains("http://localhost:9000/accounts/current", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_announcement_of_production_shows_the_administrators_secret_and_no_demo()
    {
        var text = Announce(demo: false, "the-secret");

        Assert.Contains("  the-secret\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("password=demo", text, StringComparison.Ordinal);
    }

    private static string Announce(bool demo, string? admin)
    {
        var output = new StringWriter { NewLine = "\n" };
        Announcement.Write(output, new MeshState(1, "1", DateTimeOffset.UnixEpoch, "http://localhost:9000", demo, true, []), "/data", admin);
        return output.ToString();
    }

    private static (Dictionary<string, string> Values, string Said) Secrets()
    {
        var (file, said) = (new StringWriter { NewLine = "\n" }, new StringWriter());
        SecretsCommand.Write(file, said);
        return (file.ToString().Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('=', 2)).ToDictionary(p => p[0], p => p[1]), said.ToString());
    }

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static string Root => Checkout.Root;
}
