using System.Net.Http.Headers;
using System.Text;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>What <c>mesh curl</c> was asked to send; made anew for every try.</summary>
internal sealed class CurlRequest
{
    private readonly Uri _address;
    private readonly HttpMethod _method;
    private readonly List<(string Name, string Value)> _headers = [];
    private readonly byte[]? _body;
    private readonly string? _mediaType;

    /// <param name="address">An address of the target.</param>
    /// <param name="method">Null: GET, or POST with a body.</param>
    /// <param name="headers">Lines as <c>Name: value</c>.</param>
    /// <param name="body">Null: none.</param>
    /// <param name="mediaType">Of the body, unless a header names it.</param>
    public CurlRequest(Uri address, string? method, IEnumerable<string> headers, byte[]? body, string? mediaType)
    {
        (_address, _body, _mediaType) = (address, body, mediaType);
        _method = Method(method ?? (body is null ? "GET" : "POST"));
        foreach (var line in headers)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || line.Any(char.IsControl)) throw CommandFailure.Usage($"-H takes a line as 'Name: value', not '{PlainText.Of(line)}'.");
            _headers.Add((line[..colon].Trim(), line[(colon + 1)..].Trim()));
        }
    }

    /// <summary>True when the caller brings a credential of his own: then no other one is added.</summary>
    public bool HasAuthorization => _headers.Any(h => h.Name.Equals("Authorization", StringComparison.OrdinalIgnoreCase));

    public HttpRequestMessage Make()
    {
        var request = new HttpRequestMessage(_method, _address);
        if (_body is not null)
        {
            request.Content = new ByteArrayContent(_body);
            if (_mediaType is not null) request.Content.Headers.ContentType = new MediaTypeHeaderValue(_mediaType);
        }

        foreach (var (name, value) in _headers)
        {
            if (request.Headers.TryAddWithoutValidation(name, value)) continue;
            request.Content ??= new ByteArrayContent([]);
            request.Content.Headers.Remove(name);
            if (!request.Content.Headers.TryAddWithoutValidation(name, value)) throw CommandFailure.Usage($"-H: '{PlainText.Of(name)}' is no name of a header.");
        }

        if (!request.Headers.Contains("Accept")) request.Headers.TryAddWithoutValidation("Accept", "*/*");
        return request;
    }

    /// <summary>The parts of a body: text, <c>@FILE</c>, or <c>@-</c> for what comes in; several are joined by <c>&amp;</c>.</summary>
    public static async Task<byte[]?> BodyAsync(IReadOnlyList<string> parts, Shell shell, CancellationToken cancellationToken)
    {
        if (parts.Count == 0) return null;
        var body = new MemoryStream();
        for (var i = 0; i < parts.Count; i++)
        {
            if (i > 0) body.WriteByte((byte)'&');
            if (parts[i] == "@-") await shell.In.CopyToAsync(body, cancellationToken).ConfigureAwait(false);
            else if (parts[i].StartsWith('@')) body.Write(await FileAsync(parts[i][1..], shell, cancellationToken).ConfigureAwait(false));
            else body.Write(Encoding.UTF8.GetBytes(parts[i]));
        }

        return body.ToArray();
    }

    private static async Task<byte[]> FileAsync(string name, Shell shell, CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllBytesAsync(Path.Combine(shell.Folder, name), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandFailure.Usage($"the body cannot be read from '{PlainText.Of(name)}': {e.Message}");
        }
    }

    private static HttpMethod Method(string name)
    {
        try
        {
            return name.Equals("CONNECT", StringComparison.OrdinalIgnoreCase) ? throw new FormatException() : new HttpMethod(name);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw CommandFailure.Usage($"'{PlainText.Of(name)}' is no method that can be sent.");
        }
    }
}
