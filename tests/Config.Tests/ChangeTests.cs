using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace SecureMesh.Config.Tests;

/// <summary>How a change reaches those who wait for it, and that nobody sees half of it.</summary>
public sealed class ChangeTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_waiting_client_gets_the_change()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n").File("application.yml", "b: 1\n");
        var first = await server.GetAsync("/foo/default");
        var waiting = server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "wait=30"));

        server.File("application.yml", "b: 2\n");

        var answer = await waiting.WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Equal(200, answer.Status);
        Assert.Equal("wait=30", answer.Headers["Preference-Applied"]);
        Assert.Equal("""{"b":2}""", answer.Source(1));
        Assert.NotEqual(first.ETag, answer.ETag);
    }

    [Fact]
    public async Task New_and_deleted_files_and_folders_are_changes_too()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        async Task<Answer> NextAsync(string etag) => await server.GetAsync("/foo/dev/v2", ("If-None-Match", etag), ("Prefer", "wait=30"));
        var answer = await server.GetAsync("/foo/dev/v2");

        server.File("foo-dev.yml", "a: 2\n");
        answer = await NextAsync(answer.ETag);
        Assert.Equal(["foo-dev.yml", "foo.yml"], answer.Sources);

        File.Delete(Path.Combine(server.Folder.Path, "foo-dev.yml"));
        answer = await NextAsync(answer.ETag);
        Assert.Equal(["foo.yml"], answer.Sources);

        server.File("v2/foo.yml", "a: 3\n");
        answer = await NextAsync(answer.ETag);
        Assert.Equal(["v2/foo.yml", "foo.yml"], answer.Sources);

        Directory.Move(Path.Combine(server.Folder.Path, "v2"), Path.Combine(server.Folder.Path, "v3"));
        answer = await NextAsync(answer.ETag);
        Assert.Equal(["foo.yml"], answer.Sources);
    }

    [Fact]
    public async Task A_change_that_is_not_the_clients_does_not_wake_it_and_the_time_ends_with_304()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        var first = await server.GetAsync("/foo/default");
        var waiting = server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "respond-async, wait=2"));

        server.File("bar.yml", "a: 1\n");

        var answer = await waiting;
        Assert.Equal((304, "", "wait=2"), (answer.Status, answer.Body, answer.Headers["Preference-Applied"]));
        Assert.Equal(first.ETag, answer.ETag);
        await Until(async () => (await server.GetAsync("/bar/default")).Sources is ["bar.yml"]);
    }

    [Fact]
    public async Task A_broken_file_is_500_to_who_asks_and_keeps_who_waits_waiting_until_it_is_mended()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        var first = await server.GetAsync("/foo/default");
        var waiting = server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "wait=60"));

        server.File("foo.yml", "a: [1\n");
        await Until(async () => (await server.GetAsync("/foo/default")).Status == 500);
        Assert.False(waiting.IsCompleted);
        Assert.Contains("brokenFiles\":1", (await server.GetAsync("/actuator/health")).Body, StringComparison.Ordinal);

        server.File("foo.yml", "a: 2\n");
        var answer = await waiting.WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Equal("""{"a":2}""", answer.Source());
        Assert.Contains(server.Service.Logs, line => line.Contains("foo.yml cannot be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_known_version_or_with_a_strange_preference_the_answer_comes_at_once()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        var first = await server.GetAsync("/foo/default", ("Prefer", "wait=60"));
        Assert.Equal(200, first.Status);

        Assert.Equal(200, (await server.GetAsync("/foo/default", ("If-None-Match", "\"other\""), ("Prefer", "wait=60"))).Status);
        foreach (var prefer in new[] { "wait=x", "wait", "wait=-1", "handling=strict", "wait=99999999999999999999", "wait=0" })
            Assert.Equal(304, (await server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", prefer))).Status);
        foreach (var known in new[] { "*", "W/" + first.ETag, "\"a\", " + first.ETag })
            Assert.Equal(304, (await server.GetAsync("/foo/default", ("If-None-Match", known))).Status);
    }

    [Fact]
    public async Task The_tag_depends_on_the_content_alone()
    {
        await using var one = new ConfigServer().File("foo.yml", "a: 1\n");
        await using var two = new ConfigServer().File("foo.yml", "# a comment\na: 1\n");

        var first = await one.GetAsync("/foo/default");
        Assert.Equal(first.ETag, (await one.GetAsync("/foo/default")).ETag);
        Assert.Equal(first.ETag, (await two.GetAsync("/foo/default")).ETag);
        Assert.NotEqual(first.ETag, (await one.GetAsync("/foo/default", ("Accept", "application/vnd.spring-cloud.config-server.v2+json"))).ETag);
        Assert.NotEqual(first.ETag, (await one.GetAsync("/foo/dev")).ETag);
    }

    [Fact]
    public async Task Two_hundred_readers_never_see_half_a_file_while_it_is_written()
    {
        static string Content(int version) => string.Concat(Enumerable.Range(0, 200).Select(i => $"key{i}: {version}\n")) + $"last: {version}\n";
        await using var server = new ConfigServer().File("foo.yml", Content(0));
        await server.GetAsync("/foo/default");
        using var done = new CancellationTokenSource();
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<int, bool>();

        async Task ReadAsync()
        {
            while (!done.IsCancellationRequested)
            {
                var answer = await server.GetAsync("/foo/default");
                Assert.Equal(200, answer.Status);
                var source = answer.Json["propertySources"]![0]!["source"]!.AsObject();
                Assert.Equal(201, source.Count);
                seen[source.Select(pair => pair.Value!.GetValue<int>()).Distinct().Single()] = true;
            }
        }

        var readers = Enumerable.Range(0, 200).Select(_ => Task.Run(ReadAsync)).ToArray();
        for (var version = 1; version <= 5; version++)
        {
            // Written in place and in pieces, as the worst editor would; on a thread of its own, so that the readers do not hold it up.
            var lines = Content(version).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            await Task.Factory.StartNew(() => WriteInPieces(Path.Combine(server.Folder.Path, "foo.yml"), lines), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            var wanted = version;
            await Until(() => Task.FromResult(seen.ContainsKey(wanted) || readers.Any(reader => reader.IsCompleted)));
        }
        await done.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal([0, 1, 2, 3, 4, 5], seen.Keys.Order());
    }

    [Fact]
    public async Task Stopping_does_not_wait_for_who_waits()
    {
        var server = new ConfigServer().File("foo.yml", "a: 1\n");
        var first = await server.GetAsync("/foo/default");
        var waiting = server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "wait=60"));
        await server.Waiting.WaitAsync(Enough, TestContext.Current.CancellationToken);

        server.Service.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        Assert.Equal(304, (await waiting.WaitAsync(Enough, TestContext.Current.CancellationToken)).Status);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_repository_that_vanishes_is_an_error_and_comes_back()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        await server.GetAsync("/foo/default");
        var away = server.Folder.Path + "-away";

        Directory.Move(server.Folder.Path, away);
        await Until(async () => (await server.GetAsync("/foo/default")).Status == 500);
        Assert.Equal(503, (await server.GetAsync("/actuator/health")).Status);
        Directory.Move(away, server.Folder.Path);
        await Until(async () => (await server.GetAsync("/foo/default")).Status == 200);
    }

    private static void WriteInPieces(string path, string[] lines)
    {
        using var file = new StreamWriter(new FileStream(path, FileMode.Truncate));
        foreach (var piece in lines.Chunk(10))
        {
            file.Write(string.Join('\n', piece) + "\n");
            file.Flush();
        }
    }

    internal static async Task Until(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(Enough);
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, string.Create(CultureInfo.InvariantCulture, $"not within {Enough.TotalSeconds} s"));
            await Task.Yield();
        }
    }
}
