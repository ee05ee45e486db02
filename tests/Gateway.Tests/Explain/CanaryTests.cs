using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary>While it runs, every activity of the process is listened to; other tests would see activities that they do not expect.</summary>
[CollectionDefinition(nameof(CanaryTests), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>Secrets that go in come out nowhere: in no answer, explanation, dry run, log line or trace.</summary>
[Collection(nameof(CanaryTests))]
public sealed class CanaryTests
{
    private const int Piece = 16;

    [Fact]
    public async Task Planted_secrets_appear_in_no_answer_explanation_log_line_or_trace()
    {
        var spans = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => spans.Enqueue($"{activity.DisplayName} {string.Join(' ', activity.TagObjects.Select(tag => $"{tag.Key}={tag.Value}"))} {string.Join(' ', activity.Baggage)} {activity.StatusDescription} {string.Join(' ', activity.Events.SelectMany(one => one.Tags))}"),
        };
        ActivitySource.AddActivityListener(listener);
        var shared = new ExplainDoor();
        await shared.InitializeAsync();
        await using var door = shared.Door;
        var (said, secrets) = (new List<string>(), new HashSet<string>(StringComparer.Ordinal) { "canary-cookie", "canary-code", "canary-nameless", "canary-proof", "canary-password", "canary-client-secret", "canary-refresh" });
        var issuer = door.Issuer;

        foreach (var sent in BrokenRequests.All.Select(broken => broken.Make(issuer)).Concat(Secrets(issuer)))
        {
            // As such, so that a secret is one: short words of a header are none.
            foreach (var text in (string[])[sent.Authorization ?? "", sent.Target, sent.Body, .. sent.Headers.Select(header => header[header.IndexOf(':', StringComparison.Ordinal)..])]) Note(text, secrets);
            var (answer, id) = await shared.SendAsync(sent.Authorization?.StartsWith("DPoP", StringComparison.Ordinal) == true ? sent with { Headers = ["DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9.canary-proof-payload.canary-proof-signature"] } : sent);
            said.Add(answer.Head + answer.Body);
            using var why = await door.GetAsync("/actuator/why/" + id, shared.Admin);
            said.Add(await why.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            var space = sent.Authorization?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
            var tried = new { method = sent.Method, path = sent.Target, credential = space < 0 ? sent.Authorization : sent.Authorization![(space + 1)..], scheme = space < 0 ? null : sent.Authorization![..space] };
            using var dry = await door.SendAsync(HttpMethod.Post, "/actuator/why", shared.Admin, new StringContent(JsonSerializer.Serialize(tried), Encoding.UTF8, "application/json"));
            said.Add(await dry.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        var logs = door.Gateway.Logs.ToArray();
        Assert.NotEmpty(logs);
        Assert.NotEmpty(spans);
        Assert.InRange(secrets.Count, 500, 100_000);
        foreach (var (where, texts) in new (string, IEnumerable<string>)[] { ("answer", said), ("log", logs), ("trace", spans) })
        {
            var all = string.Join('\n', texts);
            Assert.All(secrets, secret => Assert.False(all.Contains(secret, StringComparison.Ordinal), $"{where}: {secret} in {Around(all, secret)}"));
        }
    }

    /// <summary>What is no refusal by the gateway, and carries secrets all the same.</summary>
    private static IEnumerable<Sent> Secrets(TestIssuer issuer) =>
    [
        new("/uaa/oauth/token") { Method = "POST", Body = "grant_type=password&username=demo&password=canary-password", Authorization = "Basic " + Convert.ToBase64String("app:canary-client-secret"u8) },
        new("/uaa/oauth/token?client_secret=canary-client-secret") { Method = "POST", Body = "grant_type=refresh_token&refresh_token=canary-refresh" },
        Sent.With("DPoP " + issuer.UserToken("alice", "ui")),
        Sent.With("Basic " + Convert.ToBase64String("canary-user-name:canary-password-of-hers"u8), "/jwt-only"),
        Sent.Bearer("smt_canaryApiTokenWithManyCharacters0123456789"),
        Sent.Bearer("canaryOpaqueTokenWithManyCharacters0123456789", "/opaque-only"),
    ];

    /// <summary>Every piece of what follows a scheme, and every value of a query or form.</summary>
    private static void Note(string text, HashSet<string> secrets)
    {
        foreach (var word in text.Split([' ', '?', '&', '=', ':', '.', ',', '"'], StringSplitOptions.RemoveEmptyEntries))
        {
            // The same for all, or no secret: the header of every token, a path, the word of a scheme.
            if (word.Length < Piece || word.StartsWith('/') || word.StartsWith("eyJhbGciOi", StringComparison.Ordinal) || word.All(c => c == word[0])) continue;
            for (var at = 0; at + Piece <= word.Length; at += Piece) secrets.Add(word.Substring(at, Piece));
        }
    }

    private static string Around(string all, string secret)
    {
        var at = all.IndexOf(secret, StringComparison.Ordinal);
        return at < 0 ? "" : all[Math.Max(0, at - 200)..Math.Min(all.Length, at + 200)];
    }
}
