using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>Labels and versions of a git repository.</summary>
public sealed class GitTests
{
    [Fact]
    public async Task A_branch_a_tag_and_a_commit_are_labels_and_the_version_is_the_commit()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "at: 1\n").Git("tag", "light").Git("tag", "-a", "v1.0.0", "-m", "release");
        var first = git.Head;
        git.Commit("foo.yml", "at: 2\n").Git("checkout", "-q", "-b", "side").Commit("foo.yml", "at: 3\n");
        var side = git.Head;

        foreach (var (label, commit, content) in new[] { ("light", first, 1), ("v1.0.0", first, 1), (first, first, 1), (first[..10], first, 1), ("side", side, 3) })
        {
            var answer = await server.GetAsync("/foo/default/" + label);
            Assert.Equal(commit, answer.Json["version"]!.GetValue<string>());
            Assert.Equal(label, answer.Json["label"]!.GetValue<string>());
            Assert.Equal($$"""{"at":{{content}}}""", answer.Source());
        }
        var main = await server.GetAsync("/foo/default"); // although 'side' is checked out
        Assert.Equal("""{"at":2}""", main.Source());
        Assert.Null(main.Json["label"]);
    }

    [Fact]
    public async Task Without_main_the_default_is_master_and_without_both_what_is_checked_out()
    {
        await using var master = new ConfigServer();
        new GitRepository(master.Folder.Path).Commit("foo.yml", "at: 1\n").Git("branch", "-m", "master").Git("checkout", "-q", "-b", "other").Commit("foo.yml", "at: 2\n");
        await using var other = new ConfigServer();
        new GitRepository(other.Folder.Path).Commit("foo.yml", "at: 1\n").Git("branch", "-m", "trunk");
        await using var named = new ConfigServer().With("config:defaultLabel", "release");
        new GitRepository(named.Folder.Path).Commit("foo.yml", "at: 1\n").Git("tag", "release").Commit("foo.yml", "at: 2\n");

        foreach (var server in new[] { master, other, named }) Assert.Equal("""{"at":1}""", (await server.GetAsync("/foo/default")).Source());
    }

    [Fact]
    public async Task Of_several_labels_the_last_wins_and_an_unknown_one_fails_all()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "at: 1\n").Git("checkout", "-q", "-b", "side").Commit("foo.yml", "at: 2\n");

        var answer = await server.GetAsync("/foo/default/main,side");

        Assert.Equal("""{"at":2}""", answer.Source(0));
        Assert.Equal("""{"at":1}""", answer.Source(1));
        Assert.Equal($"{git.Output("rev-parse", "main").Trim()},{git.Head}", answer.Json["version"]!.GetValue<string>());
        Assert.Equal(404, (await server.GetAsync("/foo/default/main,none")).Status);
    }

    [Fact]
    public async Task A_bare_repository_is_served_and_what_is_not_committed_is_not()
    {
        using var work = new TemporaryFolder();
        await using var server = new ConfigServer();
        _ = new GitRepository(server.Folder.Path, bare: true);
        new GitRepository(work.Path).Commit("foo.yml", "at: 1\n").Git("push", "-q", server.Folder.Path, "main");
        await using var dirty = new ConfigServer().With("config:repository", work.Path);
        work.Write("foo.yml", "at: uncommitted\n");

        Assert.Equal("""{"at":1}""", (await server.GetAsync("/foo/default")).Source());
        Assert.Equal("""{"at":1}""", (await dirty.GetAsync("/foo/default")).Source());
    }

    [Fact]
    public async Task A_folder_inside_a_work_tree_is_a_plain_folder()
    {
        using var work = new TemporaryFolder();
        new GitRepository(work.Path).Commit("config/foo.yml", "at: 1\n");
        work.Write("config/foo.yml", "at: 2\n");
        await using var server = new ConfigServer().With("config:repository", Path.Combine(work.Path, "config"));

        var answer = await server.GetAsync("/foo/default");

        Assert.Equal("""{"at":2}""", answer.Source());
        Assert.Null(answer.Json["version"]);
    }

    [Fact]
    public async Task A_linked_work_tree_is_a_repository()
    {
        using var work = new TemporaryFolder();
        await using var server = new ConfigServer();
        new GitRepository(work.Path).Commit("foo.yml", "at: 1\n").Git("worktree", "add", "-q", "-b", "linked", Path.Combine(server.Folder.Path, "tree"));
        server.With("config:repository", Path.Combine(server.Folder.Path, "tree"));

        Assert.Equal("""{"at":1}""", (await server.GetAsync("/foo/default/linked")).Source());
    }

    [Fact]
    public async Task A_symbolic_link_in_a_commit_is_an_error_and_never_followed()
    {
        await using var server = new ConfigServer();
        Directory.CreateDirectory(server.Folder.Path);
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "foo.yml"), "/etc/passwd");
        File.CreateSymbolicLink(Path.Combine(server.Folder.Path, "file.txt"), "/etc/passwd");
        new GitRepository(server.Folder.Path).Commit("bar.yml", "a: 1\n");

        Assert.Equal("foo.yml: a symbolic link", (await server.GetAsync("/foo/default")).Json["message"]!.GetValue<string>());
        Assert.Equal(404, (await server.GetAsync("/foo/default/main/file.txt")).Status);
    }

    [Fact]
    public async Task A_new_commit_and_a_new_branch_are_seen()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "at: 1\n");
        var first = await server.GetAsync("/foo/default");

        git.Commit("foo.yml", "at: 2\n");
        var second = await server.GetAsync("/foo/default", ("If-None-Match", first.ETag), ("Prefer", "wait=30"));
        Assert.Equal(200, second.Status);
        Assert.Equal(git.Head, second.Json["version"]!.GetValue<string>());
        Assert.Equal("""{"at":2}""", second.Source());

        git.Git("pack-refs", "--all").Commit("foo.yml", "at: 3\n").Git("gc", "-q");
        var third = await server.GetAsync("/foo/default", ("If-None-Match", second.ETag), ("Prefer", "wait=30"));
        Assert.Equal("""{"at":3}""", third.Source());
    }

    [Fact]
    public async Task The_repositorys_own_configuration_starts_no_command()
    {
        await using var server = new ConfigServer();
        var marker = Path.Combine(server.Folder.Path, "started");
        var script = server.Folder.Write("evil.sh", $"#!/bin/sh\ntouch {marker}\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        new GitRepository(server.Folder.Path).Commit("foo.yml", "a: 1\n")
            .Git("config", "core.fsmonitor", script).Git("config", "core.pager", script).Git("config", "core.hooksPath", server.Folder.Path)
            .Git("config", "gpg.program", script).Git("config", "log.showSignature", "true").Git("config", "diff.external", script).Git("config", "core.sshCommand", script);
        File.Delete(marker); // git itself may have run it above

        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
        Assert.Equal(404, (await server.GetAsync("/foo/default/none")).Status);
        Assert.False(File.Exists(marker));
    }
}
