using System.Globalization;
using System.Text;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>Writes an answer: its bytes as they came, or one JSON object.</summary>
internal sealed class CurlOutput(Shell shell, bool isJson, bool withHead, bool hidesRefusals)
{
    private const int BufferBytes = 64 * 1024;

    /// <returns>The answer when it is a refusal (status 400 and above), else null.</returns>
    public async Task<WireAnswer?> WriteAsync(HttpResponseMessage response, Wire wire, CancellationToken cancellationToken)
    {
        try
        {
            var isRefusal = (int)response.StatusCode >= 400;
            if (!isRefusal && !isJson)
            {
                await WriteHeadAsync(response, cancellationToken).ConfigureAwait(false);
                await StreamAsync(response, cancellationToken).ConfigureAwait(false);
                NoteRedirect(response);
                return null;
            }

            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            if (isJson) shell.Out.WriteLine(JsonText.Of(json => WriteJson(json, response, body)));
            else if (!hidesRefusals) await WriteRefusalAsync(response, body, cancellationToken).ConfigureAwait(false);
            NoteRedirect(response);
            return isRefusal ? WireAnswer.Of(response, body) : null;
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException)
        {
            throw wire.Away(e);
        }
    }

    private async Task WriteRefusalAsync(HttpResponseMessage response, byte[] body, CancellationToken cancellationToken)
    {
        await WriteHeadAsync(response, cancellationToken).ConfigureAwait(false);
        await WriteBytesAsync(body, cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteHeadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (withHead) await WriteBytesAsync(Encoding.Latin1.GetBytes(Head(response)), cancellationToken).ConfigureAwait(false);
    }

    private async Task StreamAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var buffer = new byte[BufferBytes];
        int read;
        // Every piece at once: an event stream is read while it goes on.
        while ((read = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            await WriteBytesAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteBytesAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await shell.RawOut.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        await shell.RawOut.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private void NoteRedirect(HttpResponseMessage response)
    {
        if ((int)response.StatusCode is >= 300 and < 400 && response.Headers.Location is { } location)
            shell.Error.WriteLine($"mesh: {(int)response.StatusCode}: the answer points to {PlainText.Of(location.OriginalString)}; redirects are not followed.");
    }

    private static string Head(HttpResponseMessage response)
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/{response.Version} {(int)response.StatusCode} {response.ReasonPhrase}\r\n");
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
            foreach (var value in values) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        return head.Append("\r\n").ToString();
    }

    private static void WriteJson(System.Text.Json.Utf8JsonWriter json, HttpResponseMessage response, byte[] body)
    {
        json.WriteStartObject();
        json.WriteNumber("status", (int)response.StatusCode);
        json.WriteStartObject("headers");
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
            json.WriteString(name.ToLowerInvariant(), string.Join(", ", values));
        json.WriteEndObject();
        // Bytes that are no text have no place in JSON as they are.
        if (System.Text.Unicode.Utf8.IsValid(body)) json.WriteString("body", body);
        else json.WriteBase64String("bodyBase64", body);
        json.WriteEndObject();
    }
}
