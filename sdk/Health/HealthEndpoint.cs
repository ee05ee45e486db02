using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>GET and HEAD <c>/actuator/health</c> in the form of Spring Boot's actuator; open to everybody, so it names no cause.</summary>
internal sealed partial class HealthEndpoint(
    IServiceScopeFactory scopes, IOptions<HealthCheckServiceOptions> checks, IOptionsMonitor<MeshOptions> options,
    IErrorDialect dialect, TimeProvider time, ILogger<HealthEndpoint> logger)
{
    private const string Path = "/actuator/health";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>Checks under way: a check that hangs is started once and joined, however many ask.</summary>
    private readonly ConcurrentDictionary<string, Lazy<Task<HealthCheckResult>>> _running = new(StringComparer.Ordinal);

    public static bool IsAskedBy(HttpContext http) => string.Equals(http.Request.Path.Value, Path, StringComparison.Ordinal);

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (!IsAskedBy(http)) return next(http);
        if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)) return AnswerAsync(http);
        http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        http.Response.Headers.Allow = "GET, HEAD";
        return dialect.WriteAsync(http, StatusProblems.For(StatusCodes.Status405MethodNotAllowed));
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var components = await Task.WhenAll(checks.Value.Registrations.Select(RunAsync));
        var down = components.Any(component => component.Result.Status == HealthStatus.Unhealthy);
        http.Response.StatusCode = down ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-store";
        var body = Write(down, await MaySeeAsync(http) ? components : []);
        http.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(http.Request.Method)) await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    private async Task<bool> MaySeeAsync(HttpContext http)
    {
        var settings = options.CurrentValue.Health;
        if (settings.Details || settings.DetailsScope is not { Length: > 0 } scope) return settings.Details;
        // This step stands before the service's own authentication, so that the endpoint answers whatever the service does.
        var caller = await http.AuthenticateAsync();
        return caller.Succeeded && caller.Principal.HasScope(scope);
    }

    private async Task<Component> RunAsync(HealthCheckRegistration check)
    {
        var run = _running.GetOrAdd(check.Name, _ => new(() => StartAsync(check)));
        try
        {
            return new(check.Name, await run.Value.WaitAsync(Limit, time));
        }
        catch (TimeoutException)
        {
            Log.Failed(logger, check.Name, null);
            return new(check.Name, new HealthCheckResult(check.FailureStatus, "no answer in time"));
        }
    }

    private async Task<HealthCheckResult> StartAsync(HealthCheckRegistration check)
    {
        await Task.Yield(); // a check that blocks must not hold up the others
        try
        {
            using var timeout = new CancellationTokenSource(Limit, time);
            await using var scope = scopes.CreateAsyncScope();
            return await check.Factory(scope.ServiceProvider).CheckHealthAsync(new() { Registration = check }, timeout.Token);
        }
        catch (Exception e)
        {
            Log.Failed(logger, check.Name, e);
            return new(check.FailureStatus, "the check failed");
        }
        finally
        {
            _running.TryRemove(check.Name, out _);
        }
    }

    private static byte[] Write(bool down, Component[] components)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("status", down ? "DOWN" : "UP");
        if (components.Length > 0)
        {
            json.WriteStartObject("components");
            foreach (var (name, result) in components) WriteComponent(json, name, result);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteComponent(Utf8JsonWriter json, string name, HealthCheckResult result)
    {
        json.WriteStartObject(name);
        json.WriteString("status", result.Status switch { HealthStatus.Healthy => "UP", HealthStatus.Degraded => "UNKNOWN", _ => "DOWN" });
        if (result.Description is not null || result.Data.Count > 0)
        {
            json.WriteStartObject("details");
            if (result.Description is not null) json.WriteString("description", result.Description);
            foreach (var (key, value) in result.Data) WriteValue(json, key, value);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter json, string key, object value)
    {
        switch (value)
        {
            case bool b: json.WriteBoolean(key, b); break;
            case int i: json.WriteNumber(key, i); break;
            case long l: json.WriteNumber(key, l); break;
            case double d when double.IsFinite(d): json.WriteNumber(key, d); break;
            case IEnumerable<string> many:
                json.WriteStartArray(key);
                foreach (var one in many) json.WriteStringValue(one);
                json.WriteEndArray();
                break;
            default: json.WriteString(key, Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)); break;
        }
    }

    private sealed record Component(string Name, HealthCheckResult Result);

    private static partial class Log
    {
        [LoggerMessage(EventIds.HealthFailed, LogLevel.Warning, "Health check {Check} gave no answer")]
        public static partial void Failed(ILogger logger, string check, Exception? exception);
    }
}
