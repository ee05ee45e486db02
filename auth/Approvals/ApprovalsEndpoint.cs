using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Approvals;

/// <summary><c>/uaa/approvals</c>: what the holder of the token has allowed (uaa.md §2.4). The scope is strict: an administrator's token reads nobody's.</summary>
internal sealed class ApprovalsEndpoint(BearerAuthentication bearer, IApprovalStore store, UserApprovals approvals, IClients clients, IAudit audit, TimeProvider time)
{
    private const string Permission = "oauth.approvals";
    private const string Resource = "oauth";
    private const int MaxBytes = 256 * 1024;
    private const int Most = 500;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var user = await UserAsync(http, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        if (Number(http.Request, "startIndex", 1) is not { } start || Number(http.Request, "count", 100) is not { } count)
            return OAuthError.InvalidRequest("startIndex and count must be numbers");
        var all = await store.ListAsync(user.Value.ZoneId, user.Value.Id, null, time.GetUtcNow(), cancellationToken);
        return Array(all.Skip(Math.Max(0, start - 1)).Take(Math.Clamp(count, 0, Most)));
    }

    public Task<IResult> ReplaceAllAsync(HttpContext http, CancellationToken cancellationToken) => ReplaceAsync(http, null, cancellationToken);

    public Task<IResult> ReplaceOfClientAsync(HttpContext http, CancellationToken cancellationToken) =>
        ReplaceAsync(http, (string)http.Request.RouteValues["clientId"]!, cancellationToken);

    public async Task<IResult> WithdrawAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var user = await UserAsync(http, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        if (!http.Request.Query.TryGetValue("clientId", out var values) || values is not [{ Length: > 0 } clientId]) return OAuthError.InvalidRequest("Missing parameter: clientId");
        if (await clients.FindAsync(Zone.Default, clientId, cancellationToken) is null) return NoClient();
        await store.WithdrawAsync(user.Value, clientId, approvals.Withdrawal("the user withdrew the approval"), cancellationToken);
        audit.Record(new AuditEvent("consent.withdrawn") { ClientId = clientId, UserId = user.Value.Id });
        return new Answer(json =>
        {
            json.WriteString("status", "ok");
            json.WriteString("message", $"Approvals of user {user.Value.Id} and client {clientId} revoked");
        });
    }

    private async Task<IResult> ReplaceAsync(HttpContext http, string? clientId, CancellationToken cancellationToken)
    {
        var user = await UserAsync(http, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        if (clientId is not null && await clients.FindAsync(Zone.Default, clientId, cancellationToken) is null) return NoClient();
        if (!http.Request.HasJsonContentType()) return OAuthError.InvalidRequest("The body must be application/json");
        var body = await FormBody.BodyAsync(http.Request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var withdrawal = approvals.Withdrawal("the user withdrew the approval");
        var decisions = Read(body.Value, user.Value, clientId, withdrawal.Now);
        if (!decisions.IsSuccess) return decisions.Error;
        foreach (var id in decisions.Value.Select(decision => decision.ClientId).Distinct(StringComparer.Ordinal))
            if (await clients.FindAsync(Zone.Default, id, cancellationToken) is null) return NoClient();

        await store.ReplaceAsync(user.Value, clientId, decisions.Value, withdrawal, cancellationToken);
        audit.Record(new AuditEvent("consent.changed") { ClientId = clientId, UserId = user.Value.Id });
        return Array(decisions.Value);
    }

    private async Task<Result<User, OAuthError>> UserAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, Permission, Resource, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        return token.Value.User is { } user ? user : OAuthError.AccessDenied("A token of a user is needed");
    }

    private static Result<IReadOnlyList<Approval>, OAuthError> Read(byte[] body, User user, string? clientId, DateTimeOffset now)
    {
        try
        {
            using var json = JsonDocument.Parse(body, Strict);
            if (json.RootElement.ValueKind != JsonValueKind.Array || json.RootElement.GetArrayLength() > Most) return Bad();
            var decisions = new Dictionary<(string, string), Approval>();
            foreach (var item in json.RootElement.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Object || Text(item, "scope") is not { } scope || !Words.IsScope(scope)) return Bad();
                if (Text(item, "userId") is { } owner && owner != user.Id)
                    return new OAuthError(401, "unauthorized_operation", "Cannot change approvals of another user");
                var client = Text(item, "clientId") ?? clientId;
                if (client is null || (clientId is not null && client != clientId)) return Bad();
                if (Text(item, "status") is not ("APPROVED" or "DENIED") and var status) return Bad(status);
                var month = now.AddMonths(1);
                if (!Time(item, month, out var expires)) return Bad();
                decisions[(client, scope)] = new Approval
                {
                    UserId = user.Id,
                    ClientId = client,
                    Scope = scope,
                    Approved = Text(item, "status") == "APPROVED",
                    // Sooner, not later than a decision on the page would end.
                    ExpiresAt = expires > month ? month : expires,
                    UpdatedAt = now,
                };
            }
            return decisions.Values.ToArray();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            // Text that is no Unicode shows up as InvalidOperationException when it is read.
            return Bad();
        }
    }

    // As text in ISO 8601, or as milliseconds; left out: a month.
    private static bool Time(JsonElement item, DateTimeOffset otherwise, out DateTimeOffset time)
    {
        time = otherwise;
        if (!item.TryGetProperty("expiresAt", out var value) || value.ValueKind == JsonValueKind.Null) return true;
        if (value.ValueKind == JsonValueKind.String)
            return DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var milliseconds) || milliseconds is < 0 or > 253_402_300_799_999) return false;
        time = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        return true;
    }

    private static string? Text(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 and <= 256 } text ? text : null;

    private static int? Number(HttpRequest request, string name, int otherwise) =>
        !request.Query.TryGetValue(name, out var values) ? otherwise
        : values.Count == 1 && int.TryParse(values[0], NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static OAuthError Bad(string? detail = null) => OAuthError.InvalidRequest("The body must be a list of approvals: userId, clientId, scope, status APPROVED or DENIED", detail is null ? null : "bad status");

    private static OAuthError NoClient() => new(404, "not_found", "No such client");

    private static ApprovalList Array(IEnumerable<Approval> approvals) => new([.. approvals]);

    private sealed class ApprovalList(IReadOnlyList<Approval> approvals) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            Answer.Hide(httpContext.Response);
            var body = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(body))
            {
                json.WriteStartArray();
                foreach (var approval in approvals) Write(json, approval);
                json.WriteEndArray();
            }
            return TypedResults.Bytes(body.WrittenMemory, "application/json").ExecuteAsync(httpContext);
        }

        private static void Write(Utf8JsonWriter json, Approval approval)
        {
            json.WriteStartObject();
            json.WriteString("userId", approval.UserId);
            json.WriteString("clientId", approval.ClientId);
            json.WriteString("scope", approval.Scope);
            json.WriteString("status", approval.Approved ? "APPROVED" : "DENIED");
            json.WriteString("lastUpdatedAt", Iso(approval.UpdatedAt));
            json.WriteString("expiresAt", Iso(approval.ExpiresAt));
            json.WriteEndObject();
        }

        private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
    }
}
