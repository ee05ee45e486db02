using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Bench;

/// <summary>Reads a sampled profile (speedscope, as dotnet-trace converts it) and leaves out the threads that wait.</summary>
internal static class Profile
{
    /// <summary>A thread with one of these at its top does nothing.</summary>
    private static readonly string[] Waiting =
    [
        "WaitNative(", "WaitOneNoCheck(", "WaitMultipleIgnoringSyncContext", "Monitor.Wait(", "WaitForSocketEvents(", "WaitForSignal(", "PollGC",
        "LowLevelSpinWaiter.Wait(", "Thread.Sleep", "ManualResetEventSlim.Wait(", "ConsoleLoggerProcessor.TryDequeue(", "Heartbeat.TimerLoop(",
    ];

    /// <summary>These wait in a call of the system, whose frame has no name: the watcher of files, the loop over sockets, an idle worker.</summary>
    private static readonly string[] Unnamed = ["Sys.Read(", "SocketAsyncEngine.EventLoop(", "WorkerThread.WorkerThreadStart("];

    private static readonly string[] Pseudo = ["CPU_TIME", "UNMANAGED_CODE_TIME", "Threads", "(Non-Activities)", "?!?"];

    public static async Task PrintAsync(string file, int top, TextWriter output)
    {
        await using var stream = File.OpenRead(file);
        using var document = await JsonDocument.ParseAsync(stream);
        var names = document.RootElement.GetProperty("shared").GetProperty("frames").EnumerateArray().Select(frame => frame.GetProperty("name").GetString()!).ToArray();
        var self = new Dictionary<string, double>();
        var inclusive = new Dictionary<string, double>();
        double all = 0;
        foreach (var thread in document.RootElement.GetProperty("profiles").EnumerateArray())
        {
            var stack = new List<string>();
            double last = 0;
            foreach (var change in thread.GetProperty("events").EnumerateArray())
            {
                var at = change.GetProperty("at").GetDouble();
                if (at > last && Works(stack) is { } method)
                {
                    all += at - last;
                    self[method] = self.GetValueOrDefault(method) + at - last;
                    foreach (var name in stack.Distinct()) inclusive[name] = inclusive.GetValueOrDefault(name) + at - last;
                }
                last = at;
                var frame = names[change.GetProperty("frame").GetInt32()];
                if (change.GetProperty("type").GetString() == "O") stack.Add(frame);
                else stack.RemoveAt(stack.Count - 1);
            }
        }
        foreach (var (title, times) in new[] { ("self", self), ("inclusive", inclusive) })
        {
            await output.WriteLineAsync($"Busiest methods, {title}, of the time in which a thread worked:");
            foreach (var (name, time) in times.Where(entry => !IsPseudo(entry.Key)).OrderByDescending(entry => entry.Value).Take(top))
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"  {time / all,7:0.0%}  {(name.Length > 130 ? name[..130] : name)}"));
        }
    }

    /// <summary>The method at the top of the stack; null when the thread waits or nothing is known.</summary>
    private static string? Works(List<string> stack)
    {
        var top = stack.FindLastIndex(name => !IsPseudo(name));
        if (top < 0) return null;
        if (Unnamed.Any(wait => stack[top].Contains(wait, StringComparison.Ordinal))) return null;
        return stack.Skip(top - 1).Any(name => Waiting.Any(wait => name.Contains(wait, StringComparison.Ordinal))) ? null : stack[top];
    }

    private static bool IsPseudo(string name) => Pseudo.Any(pseudo => name.StartsWith(pseudo, StringComparison.Ordinal)) || name.StartsWith("Process", StringComparison.Ordinal) || name.StartsWith("Thread (", StringComparison.Ordinal);
}
