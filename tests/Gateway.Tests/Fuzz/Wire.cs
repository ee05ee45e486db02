using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>Sends a variant over a connection of its own and keeps all that comes back.</summary>
internal static partial class Wire
{
    /// <summary>How long a caller who may have said only half waits for news before he hangs up; nothing is asserted of it.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(150);

    /// <summary>A gateway that has not ended a connection by then never does.</summary>
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(40);

    public static async Task<Answers> SendAsync(Uri gateway, Variant variant)
    {
        using var client = new TcpClient { NoDelay = true };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(_limit);
        await client.ConnectAsync(gateway.Host, gateway.Port, limit.Token);
        var stream = client.GetStream();
        var received = new MemoryStream();
        try
        {
            await WriteAsync(stream, variant, limit.Token);
            var rest = stream.CopyToAsync(received, limit.Token);
            if (!variant.Ends)
            {
                await Task.WhenAny(rest, Task.Delay(_patience, limit.Token));
                if (!rest.IsCompleted) client.Client.Shutdown(SocketShutdown.Send);
            }
            await rest;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The gateway may refuse and close while the request is still being written; what it said counts.
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return Answers.Of(Encoding.Latin1.GetString(received.ToArray())) with { Hung = true };
        }
        return Answers.Of(Encoding.Latin1.GetString(received.ToArray()));
    }

    private static async Task WriteAsync(NetworkStream stream, Variant variant, CancellationToken cancellationToken)
    {
        var bytes = variant.Bytes;
        var start = 0;
        foreach (var cut in variant.Cuts.Append(bytes.Length))
        {
            await stream.WriteAsync(bytes.AsMemory(start, cut - start), cancellationToken);
            await Task.Yield();
            start = cut;
        }
    }

    /// <param name="Statuses">Of the final answers, in their order.</param>
    internal sealed partial record Answers(string Text, IReadOnlyList<int> Statuses)
    {
        public bool Hung { get; init; }

        public static Answers Of(string text) => new(text,
            [.. StatusLine().Matches(text).Select(match => int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)).Where(status => status >= 200)]);

        // Bodies of the gateway and of the recording services hold no such line.
        [GeneratedRegex(@"HTTP/1\.1 (\d{3}) ")]
        private static partial Regex StatusLine();
    }
}
