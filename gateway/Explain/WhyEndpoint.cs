using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary><c>GET /actuator/why/{id}</c> and the dry run <c>POST /actuator/why</c>, for callers with scope <c>uaa.admin</c>.</summary>
internal sealed class WhyEndpoint(Gate gate, Explanations kept, ServiceEntries services, DryRun dryRun)
{
    private const int LongestBody = 64 * 1024;

    /// <summary>Who may ask, as a route has it: any kind of token.</summary>
    public static readonly Route Policy = new("why", "/actuator/why", "gateway") { Policy = new RoutePolicy { AnyScope = ["uaa.admin"] } };

    private static readonly Problem _unknown = new(404, "not_found", "Nothing is known of this id") { Reason = Reasons.NotFound };
    private static readonly Problem _unreadable = new(400, "invalid_request", "The body must be JSON with method, path and, if one is to be judged, credential") { Reason = Reasons.Request };

    public async Task TellAsync(HttpContext http, string id)
    {
        if (await AdmitAsync(http) is not { } admin) return;
        var own = Explanations.IsId(id) ? kept.Find(id) : [];
        if (own.Count == 0)
        {
            // Not explained itself: whoever asks for the wrong id gets no id to ask for.
            await http.AnswerAsync(_unknown);
            return;
        }
        var destination = own.FirstOrDefault(entry => entry.Steps.Any(step => step is { Name: Check.Service, Outcome: ExplanationStep.Failed }))?.Destination;
        var (asked, told) = destination is null ? ([], []) : await services.AskAsync(http, admin, destination, id);
        var first = own[0];
        var deepest = told.Count > 0 && told[0].ValueKind == JsonValueKind.Object ? told[0] : default;
        await WriteAsync(http, new WhyAnswer(
            id, first.Status, first.Reason, Text(deepest, "cause") ?? first.Cause, Text(deepest, "fix") ?? first.Fix,
            [.. own.Select(entry => JsonSerializer.SerializeToElement(entry, WhyJson.Default.Explanation)), .. told], asked));
    }

    public async Task TryAsync(HttpContext http)
    {
        if (await AdmitAsync(http) is null) return;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = LongestBody;
        DryRunRequest? request = null;
        try
        {
            request = await JsonSerializer.DeserializeAsync(http.Request.Body, WhyJson.Default.DryRunRequest, http.RequestAborted);
        }
        catch (JsonException)
        {
            // Told below; the parser's own words might repeat what it read.
        }
        if (request is not { Method.Length: > 0, Path.Length: > 0 } || request.Path[0] != '/')
        {
            await http.AnswerAsync(_unreadable);
            return;
        }
        var entry = await dryRun.RunAsync(request, http.Connection.RemoteIpAddress, http.RequestAborted);
        await WriteAsync(http, new WhyAnswer(entry.Id, entry.Status, entry.Reason, entry.Cause, entry.Fix, [JsonSerializer.SerializeToElement(entry, WhyJson.Default.Explanation)], []) { Allowed = entry.Reason is null });
    }

    private async ValueTask<Caller?> AdmitAsync(HttpContext http)
    {
        var verdict = await gate.AdmitAsync(http, Policy);
        if (verdict.Caller is not null) return verdict.Caller;
        await http.RefuseAsync(verdict.Refusal!);
        return null;
    }

    private static Task WriteAsync(HttpContext http, WhyAnswer answer)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteWholeJsonAsync(answer, WhyJson.Default.WhyAnswer);
    }

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
