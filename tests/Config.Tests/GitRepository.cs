using System.Diagnostics;

namespace SecureMesh.Config.Tests;

/// <summary>A repository made by the real git, untouched by the settings of whoever runs the tests.</summary>
internal sealed class GitRepository
{
    private readonly string _folder;

    public GitRepository(string folder, bool bare = false)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        if (bare) Git("init", "-q", "--bare", "-b", "main");
        else Git("init", "-q", "-b", "main");
    }

    public string Head => Output("rev-parse", "HEAD").Trim();

    public GitRepository Commit(string file, string content)
    {
        var path = Path.Combine(_folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, content);
        return Git("add", "-A").Git("commit", "-q", "-m", "change");
    }

    public GitRepository Git(params string[] arguments)
    {
        Output(arguments);
        return this;
    }

    public string Output(params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in new[]
        {
            ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_AUTHOR_NAME", "test"), ("GIT_AUTHOR_EMAIL", "test@example.com"),
            ("GIT_COMMITTER_NAME", "test"), ("GIT_COMMITTER_EMAIL", "test@example.com"),
        }) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {errors}");
    }

}
