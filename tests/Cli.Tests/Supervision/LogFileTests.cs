using System.Text;
using SecureMesh.Cli.Commands;
using SecureMesh.Cli.Supervision;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Supervision;

public sealed class LogFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string LogPath => Path.Combine(_folder.Path, "auth.log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_full_log_becomes_an_old_one_and_three_old_ones_are_kept()
    {
        using var log = new LogFile(LogPath, largestBytes: 20);
        foreach (var line in new[] { "first line 1", "second line 2", "third line 3", "fourth line 4", "fifth line 5" }) log.Append(Encoding.UTF8.GetBytes(line + "\n"));

        Assert.Equal(["auth.log", "auth.log.1", "auth.log.2", "auth.log.3"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal("fifth line 5\n", File.ReadAllText(LogPath));
        Assert.Equal("fourth line 4\n", File.ReadAllText(LogPath + ".1"));
        Assert.Equal("second line 2\n", File.ReadAllText(LogPath + ".3"));
    }

    [Fact]
    public void Its_owner_alone_can_read_it()
    {
        using var log = new LogFile(LogPath, largestBytes: 20);
        log.Append("a line of text\n"u8);
        log.Append("another line\n"u8);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogPath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogPath + ".1"));
    }

    [Fact]
    public void A_new_run_appends_to_the_log_of_the_last_one()
    {
        using (var first = new LogFile(LogPath)) first.Append("one\n"u8);
        using (var second = new LogFile(LogPath)) second.Append("two\n"u8);

        Assert.Equal("one\ntwo\n", File.ReadAllText(LogPath));
    }

    [Fact]
    public void A_log_that_cannot_be_written_stops_nobody()
    {
        using var log = new LogFile(Path.Combine(_folder.Path, "no", "such", "folder.log"));

        log.Append("lost\n"u8);

        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Output_comes_in_whole_lines_and_the_reason_of_a_refused_start_is_kept()
    {
        using var log = new LogFile(LogPath);
        var pump = new OutputPump(log);
        await pump.RunAsync(new MemoryStream(Encoding.UTF8.GetBytes("{\"LogLevel\":\"Error\",\"Message\":\"ä\"}\n{\"LogLevel\":\"Information\"}\nhalf")), isErrors: false);
        Assert.Equal("{\"LogLevel\":\"Error\",\"Message\":\"ä\"}", pump.LastError);
        await pump.RunAsync(new MemoryStream("cannot start: gateway:routes:x has no policy.\n\n"u8.ToArray()), isErrors: true);

        Assert.Equal("gateway:routes:x has no policy.", pump.StartRefusal);
        Assert.Equal("cannot start: gateway:routes:x has no policy.", pump.LastError);
        Assert.StartsWith("{\"LogLevel\":\"Error\",\"Message\":\"ä\"}\n{\"LogLevel\":\"Information\"}\nhalf", File.ReadAllText(LogPath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_end_does_not_stop_the_writer()
    {
        using var log = new LogFile(LogPath);

        await new OutputPump(log).RunAsync(new MemoryStream(Encoding.ASCII.GetBytes(new string('x', 200_000))), isErrors: false);

        Assert.Equal(200_000, new FileInfo(LogPath).Length);
    }

    [Fact]
    public void The_last_lines_are_found_across_a_rotation_and_new_ones_are_followed()
    {
        using var log = new LogFile(LogPath, largestBytes: 20);
        log.Append("line one\nline two\n"u8);
        log.Append("line three\n"u8);
        var tail = new LogTail(LogPath, line => "auth | " + line);
        var output = new StringWriter { NewLine = "\n" };

        tail.WriteLast(2, output);
        log.Append("lin"u8);
        tail.WriteNew(output);
        log.Append("e 4\n"u8);
        tail.WriteNew(output);
        log.Append("line five in a new file\n"u8);
        tail.WriteNew(output);

        Assert.Equal("auth | line two\nauth | line three\nauth | line 4\nauth | line five in a new file\n", output.ToString());
    }
}
