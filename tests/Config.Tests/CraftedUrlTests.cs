using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>The published attacks on the reference server, sent byte for byte as an attacker would.</summary>
public sealed class CraftedUrlTests
{
    private const string Secret = "outside-the-repository";

    // V-118: every climb of the advisories, in application, profile, label and path.
    private static readonly string[] Climbs =
    [
        "/app/prof/label/../../SECRET", "/app/prof/label/a/../../../SECRET", // CVE-2019-3799
        "/a/b/../../SECRET", "/a/b/(_)..(_)..(_)SECRET", "/a/b/..(_)..(_)SECRET", // CVE-2020-5405
        "/../../SECRET#foo/development", "/..(_)..(_)SECRET#foo/development", "/../SECRET-default.yml", "/..(_)SECRET-default.json", // CVE-2020-5410
        "/app/../../SECRET", "/app/default,../../SECRET", "/app/default,..", "/app-../SECRET.yml", // CVE-2026-22739
        "/(_)SECRET/default", "/app/default/(_)SECRET", "/app/default/main/(_)SECRET", "/app/default/main/url:file:ROOT/SECRET", // CVE-2026-40982
        "/app/default/main/file:ROOT/SECRET", "/app/default/main//ROOT/SECRET", "/app/default/main/link", "/app/default/linked/SECRET", // CVE-2026-47894
        "/app/default/main/WEB-INF/web.xml", "/app/default/main/META-INF/x", "/app/default/main/.git/config", "/app/default/main/.hidden",
        "/app/default/-flag/SECRET", "/app/default/--output=x", "/app/default/main@{0}/SECRET", "/app/default/main^/SECRET", "/app/default/HEAD~1", "/app/default/main:SECRET",
    ];

    public static TheoryData<string> Targets()
    {
        var targets = new TheoryData<string>();
        foreach (var climb in Climbs)
        {
            // As it is, each special character encoded once, twice and three times, and with the other slash.
            foreach (var target in new[]
            {
                climb.Replace("#", "%23"), Encoded(climb, 1), Encoded(climb, 2), Encoded(climb, 3),
                climb.Replace("../", "..\\").Replace("#", "%23"), climb.Replace("../", "..%5c").Replace("#", "%23"), climb.Replace("../", "..%255c").Replace("#", "%23"),
                climb.Replace("..", "%2e%2e").Replace("#", "%23"), climb.Replace("..", "%252e%252e").Replace("#", "%23"), climb.Replace("../", "..(_)").Replace("#", "%23"),
                climb.Replace("..", ".%00.").Replace("#", "%23"), climb.Replace("..", "%c0%ae%c0%ae").Replace("#", "%23"),
            }.Distinct()) targets.Add(target);
        }
        return targets;
    }

    // The first segments stay readable, so that the router takes the endpoint that the advisory names.
    private static string Encoded(string climb, int times)
    {
        var encoded = climb;
        foreach (var special in new[] { "../", "..", "#", ":", "(_)", "//" })
        {
            var code = string.Concat(special.Select(c => $"%{(int)c:X2}"));
            for (var i = 1; i < times; i++) code = code.Replace("%", "%25");
            encoded = encoded.Replace(special, code);
        }
        return encoded;
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Climbing_is_refused_and_never_shows_a_file(string target)
    {
        // One server of each kind, with the secret one folder above it under the name that the target asks for.
        await using var repositories = await Repositories.GetAsync();
        foreach (var server in repositories.Servers)
        {
            var filled = target.Replace("ROOT", repositories.Outside.TrimStart('/')).Replace("SECRET", "secret");
            var answer = await RawHttp.GetAsync(server.Url, filled);

            Assert.True(answer.Status is 400 or 404, $"{filled} -> {answer.Status} {answer.Body}");
            Assert.DoesNotContain(Secret, answer.Body, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(repositories.Servers, server => server.Service.Logs.Any(line => line.StartsWith("Error", StringComparison.Ordinal)));
    }

    private sealed class Repositories : IAsyncDisposable
    {
        private static readonly SemaphoreSlim Once = new(1);
        private static Repositories? _made;

        private Repositories(TemporaryFolder outside, ConfigServer[] servers) => (Folder, Servers) = (outside, servers);

        private TemporaryFolder Folder { get; }
        public string Outside => Folder.Path;
        public IReadOnlyList<ConfigServer> Servers { get; }

        // Hundreds of targets share the two servers; the process ends with the test run.
        public static async Task<Repositories> GetAsync()
        {
            await Once.WaitAsync();
            try
            {
                return _made ??= Make();
            }
            finally
            {
                Once.Release();
            }
        }

        private static Repositories Make()
        {
            var outside = new TemporaryFolder();
            foreach (var name in new[] { "secret", "secret.yml", "secret-default.yml", "secret.json", "web.xml" }) outside.Write(name, $"leak: {Secret}\n");
            foreach (var inside in new[] { "folder", "git" })
            {
                outside.Write($"{inside}/foo.yml", "a: 1\n");
                outside.Write($"{inside}/.hidden", Secret);
                File.CreateSymbolicLink(Path.Combine(outside.Path, inside, "link"), Path.Combine(outside.Path, "secret"));
                Directory.CreateSymbolicLink(Path.Combine(outside.Path, inside, "linked"), outside.Path);
            }
            new GitRepository(Path.Combine(outside.Path, "git")).Git("add", "-A").Git("commit", "-q", "-m", "start").Commit("bar.yml", "b: 1\n");
            return new Repositories(outside, [.. new[] { "folder", "git" }.Select(inside => new ConfigServer().With("config:repository", Path.Combine(outside.Path, inside)))]);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
