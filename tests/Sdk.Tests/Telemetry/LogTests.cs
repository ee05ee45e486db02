using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Telemetry;

public sealed class LogTests
{
    [Fact]
    public async Task Every_line_is_one_JSON_object_with_time_and_trace_and_the_access_line_tells_no_query()
    {
        using var console = new Tee();
        string trace;
        await using (var service = await Service.StartAsync(app => app.MapGet("/log/{**rest}", (ILogger<LogTests> logger) => logger.LogInformation("from the endpoint")).AllowAnonymous(),
            configure: builder => builder.AddLogs()))
        {
            var answer = await RawHttp.GetAsync(service.Url, "/log/%0a%7b%22Message%22:%22injected%22%7d?code=secret", "User-Agent: \u00c3\u00a4");
            trace = answer.Head.Split("\r\n").Single(line => line.StartsWith("X-Trace-Id: ", StringComparison.Ordinal))["X-Trace-Id: ".Length..];
        }

        var lines = console.Text.Split('\n').Where(line => line.Contains(trace, StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, lines.Length);
        foreach (var line in lines)
        {
            var json = JsonDocument.Parse(line).RootElement;
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", json.GetProperty("Timestamp").GetString());
            Assert.Equal("Information", json.GetProperty("LogLevel").GetString());
            var scopes = json.GetProperty("Scopes").EnumerateArray().ToArray();
            Assert.Contains(scopes, scope => scope.TryGetProperty("TraceId", out var id) && id.GetString() == trace && scope.TryGetProperty("SpanId", out _));
        }
        Assert.Contains("from the endpoint", lines[0]);
        Assert.Contains("GET /log/%0A%7B%22Message%22:%22injected%22%7D 200 in ", JsonDocument.Parse(lines[1]).RootElement.GetProperty("Message").GetString());
        Assert.DoesNotContain("secret", string.Concat(lines));
        Assert.DoesNotContain(console.Text.Split('\n'), line => line.StartsWith("{\"Message\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_access_line_names_the_client_of_the_token()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        await using var service = await Service.StartAsync(app => app.MapGet("/ui", () => "").RequireScope("ui"), issuer.Settings);

        await service.GetAsync("/ui", issuer.UserToken("demo", "ui"));

        Assert.Matches(@"GET /ui 200 in [0-9.]+ ms, client browser, trace [0-9a-f]{32}", await service.LoggedAsync("GET /ui 200"));
    }

    [Fact]
    public async Task The_frameworks_own_request_lines_are_silent_unless_an_operator_asks()
    {
        static bool Logs(Service service) => ((ILoggerFactory)service.Services.GetService(typeof(ILoggerFactory))!)
            .CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics").IsEnabled(LogLevel.Information);
        await using var quiet = await Service.StartAsync(_ => { });
        await using var asked = await Service.StartAsync(_ => { }, [new("Logging:LogLevel:Microsoft.AspNetCore", "Information")]);

        Assert.False(Logs(quiet));
        Assert.True(Logs(asked));
    }

    /// <summary>Reads along what goes to standard output.</summary>
    private sealed class Tee : TextWriter
    {
        private readonly TextWriter _console = Console.Out;
        private readonly StringBuilder _text = new();

        public Tee() => Console.SetOut(this);

        public override Encoding Encoding => Encoding.UTF8;

        public string Text
        {
            get
            {
                lock (_text) return _text.ToString();
            }
        }

        public override void Write(char value) => Write(value.ToString());

        public override void Write(string? value)
        {
            lock (_text) _text.Append(value);
            _console.Write(value);
        }

        protected override void Dispose(bool disposing)
        {
            Console.SetOut(_console);
            base.Dispose(disposing);
        }
    }
}
