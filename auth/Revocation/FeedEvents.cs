using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Auth.Revocation;

/// <summary>The feed's events as bytes (WHATWG HTML §9.2.6): data is one line of JSON.</summary>
internal static class FeedEvents
{
    public static byte[] Head(long sequence, DateTimeOffset now) => Event("head", json => Now(json, sequence, now));

    public static byte[] Heartbeat(long sequence, DateTimeOffset now) => Event("heartbeat", json => Now(json, sequence, now));

    public static byte[] Reset(long sequence) => Event("reset", json => json.WriteNumber("sequence", sequence));

    public static byte[] End(string reason) => Event("end", json => json.WriteString("reason", reason));

    public static byte[] Of(IEnumerable<NumberedRevocation> revocations)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        foreach (var (sequence, revocation) in revocations)
        {
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {sequence}\nevent: revocation\ndata: "), body);
            using (var json = new Utf8JsonWriter(body)) Write(json, sequence, revocation);
            body.Write("\n\n"u8);
        }
        return body.WrittenSpan.ToArray();
    }

    // Without the reason, which is for the operator.
    private static void Write(Utf8JsonWriter json, long sequence, RevocationEvent revocation)
    {
        json.WriteStartObject();
        json.WriteNumber("sequence", sequence);
        json.WriteString("kind", revocation.Kind.ToString().ToLowerInvariant());
        json.WriteString("subject", revocation.Subject);
        json.WriteString("clientId", revocation.ClientId);
        if (revocation.NotBefore is { } notBefore) json.WriteNumber("notBefore", notBefore.ToUnixTimeSeconds());
        else json.WriteNull("notBefore");
        json.WriteNumber("expiresAt", revocation.ExpiresAt.AddMilliseconds(999).ToUnixTimeSeconds());
        json.WriteString("zone", revocation.ZoneId);
        json.WriteEndObject();
    }

    private static void Now(Utf8JsonWriter json, long sequence, DateTimeOffset now)
    {
        json.WriteNumber("sequence", sequence);
        json.WriteString("time", now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static byte[] Event(string name, Action<Utf8JsonWriter> data)
    {
        var body = new ArrayBufferWriter<byte>(128);
        Encoding.ASCII.GetBytes($"event: {name}\ndata: ", body);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            data(json);
            json.WriteEndObject();
        }
        body.Write("\n\n"u8);
        return body.WrittenSpan.ToArray();
    }
}
