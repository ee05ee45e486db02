using System.Diagnostics;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>What of a folder is served, and what is not.</summary>
public sealed class FolderTests
{
    [Fact]
    public async Task A_link_within_the_repository_is_followed_and_one_that_leaves_it_is_an_error()
    {
        using var outside = new TemporaryFolder();
        outside.Write("secret.yml", "leak: outside\n");
        await using var server = new ConfigServer().File("..data/inner.yml", "a: 1\n");
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "inside.yml"), "..data/inner.yml");
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "leaving.yml"), Path.Combine(outside.Path, "secret.yml"));
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "climbing.yml"), $"../{Path.GetFileName(outside.Path)}/secret.yml");
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "circle.yml"), "circle.yml");
        Directory.CreateSymbolicLink(Path.Combine(server.Folder.Path, "linked"), outside.Path);

        Assert.Equal("""{"a":1}""", (await server.GetAsync("/inside/default")).Source());
        foreach (var name in new[] { "leaving", "climbing", "circle" })
        {
            Assert.Equal(500, (await server.GetAsync($"/{name}/default")).Status);
            Assert.Equal(404, (await server.GetAsync($"/x/default/main/{name}.yml")).Status);
        }
        Assert.Empty((await server.GetAsync("/secret/default/linked")).Sources);
    }

    [Fact]
    public async Task A_mounted_map_whose_link_moves_is_seen()
    {
        await using var server = new ConfigServer().File("..1/foo.yml", "a: 1\n").File("..2/foo.yml", "a: 2\n");
        var data = Path.Combine(server.Folder.Path, "..data");
        Directory.CreateSymbolicLink(data, "..1");
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "foo.yml"), "..data/foo.yml");
        var first = await server.GetAsync("/foo/default");
        Assert.Equal("""{"a":1}""", first.Source());

        Directory.CreateSymbolicLink(data + "_tmp", "..2");
        using (var move = Process.Start("mv", ["-T", data + "_tmp", data])) await move.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("""{"a":2}""", (await server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "wait=30"))).Source());
    }

    [Fact]
    public async Task A_pipe_blocks_nobody_and_a_device_is_not_read()
    {
        await using var server = new ConfigServer().File("bar.yml", "a: 1\n");
        using (var make = Process.Start("mkfifo", [Path.Combine(server.Folder.Path, "foo.yml")])) await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "zero.yml"), "/dev/zero");

        Assert.Equal(500, (await server.GetAsync("/foo/default")).Status);
        Assert.Equal(500, (await server.GetAsync("/zero/default")).Status);
        Assert.Equal(200, (await server.GetAsync("/bar/default")).Status);
    }

    [Fact]
    public async Task A_file_beyond_the_limit_is_an_error_as_configuration_and_absent_as_file()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: " + new string('x', 1024 * 1024)).File("bar.yml", "a: " + new string('x', 1024 * 1024 - 4) + "\n");

        Assert.Equal("foo.yml: larger than 1048576 bytes", (await server.GetAsync("/foo/default")).Json["message"]!.GetValue<string>());
        Assert.Equal(404, (await server.GetAsync("/x/default/main/foo.yml")).Status);
        Assert.Equal(200, (await server.GetAsync("/bar/default")).Status);
    }

    [Fact]
    public async Task Hidden_names_are_not_served()
    {
        await using var server = new ConfigServer().File(".env", "secret").File("sub/.git/config", "secret").File("sub/.x.yml", "a: 1\n");

        foreach (var path in new[] { ".env", "sub/.git/config", "sub/.x.yml" }) Assert.Equal(404, (await server.GetAsync("/foo/default/main/" + path)).Status);
        Assert.Empty((await server.GetAsync("/.x/default/sub", ("Accept", "application/json"))).Json["propertySources"]?.AsArray() ?? []);
    }

    [Fact]
    public async Task Files_are_found_by_profile_in_the_order_asked_then_plain_and_in_a_label_before_the_root()
    {
        await using var server = new ConfigServer().File("a/x.conf", "plain").File("a/x-dev.conf", "dev").File("a/x-mysql.conf", "mysql").File("v2/a/x.conf", "labelled").File("noext-dev", "noext");

        Assert.Equal("dev", (await server.GetAsync("/foo/dev,mysql/main/a/x.conf")).Body);
        Assert.Equal("plain", (await server.GetAsync("/foo/default,mysql/main/a/x.conf")).Body);
        Assert.Equal("mysql", (await server.GetAsync("/foo/none,mysql/main/a/x.conf")).Body);
        Assert.Equal("labelled", (await server.GetAsync("/foo/dev/v2/a/x.conf")).Body);
        Assert.Equal("dev", (await server.GetAsync("/foo/dev/main/a//x.conf")).Body);
        Assert.Equal("noext", (await server.GetAsync("/foo/dev/noext?useDefaultLabel")).Body);
        var missing = await server.GetAsync("/foo/dev/main/a/y.conf");
        Assert.Equal((404, ""), (missing.Status, missing.Body));
    }

    [Fact]
    public async Task A_file_goes_out_as_text_in_utf8_or_as_its_bytes()
    {
        await using var server = new ConfigServer();
        byte[] latin = [0x24, 0x7b, 0x61, 0x7d, 0xe4, 0x00, 0xff];
        await File.WriteAllBytesAsync(Path.Combine(server.Folder.Path, "x.bin"), latin, TestContext.Current.CancellationToken);

        var bytes = await server.GetAsync("/foo/default/main/x.bin", ("Accept", "application/octet-stream"));
        var text = await server.GetAsync("/foo/default/main/x.bin", ("Accept-Charset", "iso-8859-1"));

        Assert.Equal(latin, bytes.Bytes);
        Assert.Equal("application/octet-stream", bytes.ContentType);
        Assert.Equal("text/plain; charset=utf-8", text.ContentType);
        Assert.Equal("${a}\u00e4\0\u00ff", text.Body);
    }
}
