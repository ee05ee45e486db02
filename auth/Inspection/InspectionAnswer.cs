using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Inspection;

/// <summary>What introspection says of a good token (RFC 7662 §2.2): <c>scope</c> as a list for UAA's clients, as words for those of the standard (U-09).</summary>
internal static class InspectionAnswer
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(VerifiedToken token, bool standard)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body, Plain))
        {
            json.WriteStartObject();
            json.WriteBoolean("active", true);
            json.WriteString("token_type", token.Claims.TryGetProperty("cnf", out var bound) && bound.TryGetProperty("jkt", out _) ? "DPoP" : standard ? "Bearer" : "bearer");
            if (token.User is { } user) json.WriteString("username", user.UserName);
            foreach (var claim in token.Claims.EnumerateObject())
            {
                if (standard && claim.NameEquals("scope")) json.WriteString("scope", Words.Join(token.Scopes));
                else claim.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return body.WrittenSpan.ToArray();
    }
}

/// <summary>A JSON text that stands ready.</summary>
internal sealed class ReadyAnswer(byte[] json) : IResult
{
    /// <summary>RFC 7662 §2.2: nothing but that it is not active, whatever the reason.</summary>
    public static readonly ReadyAnswer Inactive = new([.. """{"active":false}"""u8]);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        Answer.Hide(httpContext.Response);
        httpContext.Response.ContentType = "application/json";
        httpContext.Response.ContentLength = json.Length;
        return httpContext.Response.Body.WriteAsync(json, httpContext.RequestAborted).AsTask();
    }
}
