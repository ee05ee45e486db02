using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Tests.Support;

/// <summary>What services and gateways ask of auth beside its keys: tokens of their own, passport keys, introspection, revocations.</summary>
public sealed class TestAuth
{
    private readonly TestIssuer _issuer;
    private readonly Lock _gate = new();
    private readonly List<string> _revocations = [];
    private readonly List<Channel<string>> _followers = [];

    internal TestAuth(TestIssuer issuer, WebApplication app)
    {
        _issuer = issuer;
        app.Use(async (http, next) =>
        {
            if ((IsAway && http.Request.Path != "/uaa/token_keys") || (IsFeedAway && http.Request.Path == "/uaa/revocations")) http.Abort();
            else await next(http);
        });
        app.MapPost("/uaa/oauth/token", (Delegate)TokenAsync);
        app.MapPost("/uaa/introspect", (Delegate)IntrospectAsync);
        app.MapPost("/uaa/passport_keys", (Delegate)AnnounceAsync);
        app.MapDelete("/uaa/passport_keys/{kid}", (string kid) => PassportKeys.TryRemove(kid, out _) ? Results.Ok() : Results.NotFound());
        app.MapGet("/uaa/revocations", FollowAsync);
    }

    /// <summary>True: every connection but those for the key set is dropped without an answer.</summary>
    public bool IsAway { get; set; }

    /// <summary>True: whoever would follow the revocations is dropped without an answer; all else goes on.</summary>
    public bool IsFeedAway { get; set; }

    /// <summary>The announced keys by kid.</summary>
    public ConcurrentDictionary<string, JsonElement> PassportKeys { get; } = new();

    /// <summary>Active tokens that are no JWTs, with what introspection says of them.</summary>
    public ConcurrentDictionary<string, Dictionary<string, object>> Opaque { get; } = new();

    /// <summary>Users by name, with their passwords and scopes.</summary>
    public ConcurrentDictionary<string, (string Password, string[] Scopes)> Users { get; } = new();

    /// <summary>What came to the token endpoint, client, address and form, but for tokens that services get in their own name.</summary>
    public ConcurrentQueue<(string Client, string? Address, Dictionary<string, string> Form)> TokenRequests { get; } = new();

    /// <summary>Answers a request for a token; null: as auth would.</summary>
    public Func<IFormCollection, Task<IResult?>>? AnswerToken { get; set; }

    /// <summary>Answers a question about a token; null: as auth would.</summary>
    public Func<string, Task<IResult?>>? AnswerIntrospection { get; set; }

    /// <summary>How often introspection was asked.</summary>
    public int Introspections => Volatile.Read(ref _introspections);

    /// <summary>How many follow the revocations.</summary>
    public int Followers
    {
        get { lock (_gate) return _followers.Count; }
    }

    private int _introspections;

    /// <summary>Revokes by kind (token, grant, session, key) or, with a not-before in seconds, by user, client or zone.</summary>
    public void Revoke(string kind, string subject, long? notBefore = null)
    {
        lock (_gate)
        {
            var sequence = _revocations.Count + 1;
            var expires = DateTimeOffset.UtcNow.AddHours(12).ToUnixTimeSeconds();
            var data = JsonSerializer.Serialize(new { sequence, kind, subject, clientId = (string?)null, notBefore, expiresAt = expires, zone = "uaa" });
            _revocations.Add($"id: {sequence}\nevent: revocation\ndata: {data}\n\n");
            foreach (var follower in _followers) follower.Writer.TryWrite(_revocations[^1]);
        }
    }

    /// <summary>Ends all streams of revocations; followers may come back unless <see cref="IsAway"/>.</summary>
    public void CutFeed()
    {
        lock (_gate)
        {
            foreach (var follower in _followers) follower.Writer.TryComplete();
        }
    }

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        var client = Encoding.UTF8.GetString(Convert.FromBase64String(http.Request.Headers.Authorization.ToString()["Basic ".Length..])).Split(':')[0];
        var scopes = form["scope"].ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (form["grant_type"] != "client_credentials")
        {
            TokenRequests.Enqueue((client, http.Request.Headers["X-Forwarded-For"], form.ToDictionary(field => field.Key, field => field.Value.ToString())));
            if (AnswerToken is not null && await AnswerToken(form) is { } answer) return answer;
            return form["grant_type"] == "password" ? Password(form)
                : form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange" ? Exchange(client, form)
                : Results.Json(new { error = "unsupported_grant_type" }, statusCode: 400);
        }
        var token = _issuer.Token(("sub", client), ("client_id", client), ("scope", scopes), ("aud", form["resource"].ToArray()));
        return Results.Json(new { access_token = token, token_type = "bearer", expires_in = 600, scope = string.Join(' ', scopes) });
    }

    /// <summary>A token for the audience alone, with the claims of the subject and the client as the one who acts.</summary>
    private IResult Exchange(string client, IFormCollection form)
    {
        var subject = form["subject_token"].ToString();
        if (!Opaque.TryGetValue(subject, out var known))
        {
            var payload = subject.Split('.') is [_, var middle, _] ? middle : null;
            if (payload is null) return Results.Json(new { error = "invalid_request" }, statusCode: 400);
            known = JsonSerializer.Deserialize<Dictionary<string, object>>(System.Buffers.Text.Base64Url.DecodeFromChars(payload))!;
        }
        var token = _issuer.Token(("sub", known["sub"]), ("client_id", client), ("scope", form["scope"].ToString().Split(' ')), ("aud", new[] { form["audience"].ToString() }),
            ("act", new Dictionary<string, object> { ["sub"] = client }));
        return Results.Json(new { access_token = token, token_type = "Bearer", issued_token_type = "urn:ietf:params:oauth:token-type:access_token", expires_in = 300 });
    }

    private IResult Password(IFormCollection form) =>
        Users.TryGetValue(form["username"].ToString(), out var user) && user.Password == form["password"]
            ? Results.Json(new { access_token = _issuer.UserToken(form["username"].ToString(), user.Scopes), token_type = "bearer", expires_in = 600 })
            : Results.Json(new { error = "unauthorized", error_description = "Bad credentials" }, statusCode: 401);

    private async Task<IResult> IntrospectAsync(HttpContext http)
    {
        Interlocked.Increment(ref _introspections);
        var token = (await http.Request.ReadFormAsync())["token"].ToString();
        if (AnswerIntrospection is not null && await AnswerIntrospection(token) is { } answer) return answer;
        return Opaque.TryGetValue(token, out var claims)
            ? Results.Json(new Dictionary<string, object>(claims) { ["active"] = true })
            : Results.Json(new { active = false });
    }

    private async Task<IResult> AnnounceAsync(HttpContext http)
    {
        var key = await http.Request.ReadFromJsonAsync<JsonElement>();
        PassportKeys[key.GetProperty("kid").GetString()!] = key;
        return Results.Json(new { kid = key.GetProperty("kid").GetString(), expires_in = 600 });
    }

    private async Task FollowAsync(HttpContext http)
    {
        var after = int.TryParse(http.Request.Query["after"], out var number) ? number : int.MaxValue;
        var events = Channel.CreateUnbounded<string>();
        lock (_gate)
        {
            events.Writer.TryWrite($"event: head\ndata: {{\"sequence\":{_revocations.Count},\"time\":\"2026-01-31T12:00:00.000Z\"}}\n\n");
            foreach (var revocation in _revocations.Skip(after)) events.Writer.TryWrite(revocation);
            _followers.Add(events);
        }
        http.Response.ContentType = "text/event-stream";
        using var heart = new Timer(_ =>
        {
            lock (_gate) events.Writer.TryWrite($"event: heartbeat\ndata: {{\"sequence\":{_revocations.Count},\"time\":\"2026-01-31T12:00:00.000Z\"}}\n\n");
        }, null, 1000, 1000);
        try
        {
            await foreach (var text in events.Reader.ReadAllAsync(http.RequestAborted))
            {
                await http.Response.WriteAsync(text, http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The follower left.
        }
        finally
        {
            lock (_gate) _followers.Remove(events);
        }
    }
}
