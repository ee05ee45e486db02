using System.Globalization;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using SecureMesh.Config.Sources;

namespace SecureMesh.Config.Environments;

/// <summary>
/// <c>/{application}/{profile}</c> and <c>/{application}/{profile}/{label}</c>: the environment as JSON. With
/// <c>If-None-Match</c> and <c>Prefer: wait=N</c> (RFC 7240 §4.3) the answer is held back until the environment differs.
/// </summary>
internal sealed class EnvironmentEndpoint(EnvironmentFinder environments, IOptions<ConfigOptions> options, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private const string Json = "application/json";
    private const string WithOrigins = "application/vnd.spring-cloud.config-server.v2+json";
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private int _waiting;

    public async Task<IResult> HandleAsync(HttpContext http, string application, string profile, string? label)
    {
        // 1. Check the names before anything else sees them.
        var request = EnvironmentRequest.Read(http, application, profile, label);
        if (!request.IsSuccess) return request.Error;
        // 2. Choose the form.
        if (Form(http.Request.GetTypedHeaders()) is not { } form) return new ConfigError(406);
        // 3. Answer, or wait until there is something new to answer.
        var wait = Wait(http.Request.Headers["Prefer"]);
        if (wait is null || http.Request.Headers.IfNoneMatch.Count == 0) return await AnswerAsync(request.Value, form, http.RequestAborted);
        if (!TryEnter()) return await AnswerAsync(request.Value, form, http.RequestAborted); // without the promise, so the client takes its time
        try
        {
            var answer = await NewsAsync(http, request.Value, form, wait.Value);
            // Not promised while the server stops either: a client that saw it would ask again at once.
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
                http.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={(int)wait.Value.TotalSeconds}");
            return answer;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private bool TryEnter()
    {
        if (Interlocked.Increment(ref _waiting) <= options.Value.MaxWaiting) return true;
        Interlocked.Decrement(ref _waiting);
        return false;
    }

    private async Task<IResult> AnswerAsync(EnvironmentRequest request, string form, CancellationToken cancellationToken)
    {
        var environment = await environments.FindAsync(request, cancellationToken);
        if (!environment.IsSuccess) return environment.Error;
        return new ConfigContent(environment.Value.ToJson(form == WithOrigins), form);
    }

    // A file that does not parse for the moment is no news either: it may be half written, and who waits has the last good state.
    private async Task<IResult> NewsAsync(HttpContext http, EnvironmentRequest request, string form, TimeSpan wait)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        var started = time.GetTimestamp();
        while (true)
        {
            var changed = environments.Changed; // before the look, so that no change is missed
            var answer = await AnswerAsync(request, form, http.RequestAborted);
            if (answer is ConfigContent content && !content.IsKnownTo(http.Request)) return answer;
            var left = wait - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) return answer;
            try
            {
                await changed.WaitAsync(left, time, end.Token);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException)
            {
                return answer; // the time is over, the caller is gone, or this server stops
            }
        }
    }

    private static string? Form(RequestHeaders headers)
    {
        if (headers.Accept.Count == 0) return headers.Headers.Accept.Count == 0 ? Json : null; // not a list of media types
        foreach (var accepted in headers.Accept.Where(type => type.Quality is not 0).OrderByDescending(type => type.Quality ?? 1))
        {
            if (Includes(accepted, Json)) return Json;
            if (Includes(accepted, WithOrigins)) return WithOrigins;
        }
        return null;
    }

    private static bool Includes(MediaTypeHeaderValue accepted, string form) => new MediaTypeHeaderValue(form).IsSubsetOf(new MediaTypeHeaderValue(accepted.MediaType));

    private static TimeSpan? Wait(IEnumerable<string?> prefer)
    {
        foreach (var preference in prefer.SelectMany(line => (line ?? "").Split(',')))
        {
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !parts[0].Equals("wait", StringComparison.OrdinalIgnoreCase)) continue;
            if (!int.TryParse(parts[1].Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) continue;
            return TimeSpan.FromSeconds(Math.Min(seconds, LongestWait.TotalSeconds));
        }
        return null;
    }
}
