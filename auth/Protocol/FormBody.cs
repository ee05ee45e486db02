using System.Buffers;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace SecureMesh.Auth.Protocol;

/// <summary>
/// Reads a form body strictly: the framework's reader joins repeated parameters with commas, replaces broken UTF-8
/// silently and lets NUL through to the database.
/// </summary>
internal static class FormBody
{
    private const string FormType = "application/x-www-form-urlencoded";
    private const int MaxBytes = 64 * 1024;
    private const int MaxParameters = 50;
    private const long ThrownAway = 32 * 1024 * 1024;

    // Only these two may repeat (RFC 8707 §2, RFC 8693 §2.1).
    private static readonly string[] Repeatable = ["resource", "audience"];

    // What UAA's command line tools put into the query, and what must never stand there: it ends up in logs of proxies.
    private static readonly string[] FromQuery = ["token_format", "login_hint"];
    private static readonly string[] NeverInQuery =
    [
        "grant_type", "client_id", "client_secret", "client_assertion", "username", "password", "passcode",
        "refresh_token", "token", "code", "code_verifier", "assertion", "subject_token", "actor_token", "device_code",
    ];

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    public static async Task<Result<Parameters, OAuthError>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.QueryString.HasValue && NeverInQuery.FirstOrDefault(request.Query.ContainsKey) is { } misplaced)
            return new OAuthError(406, "query_string_not_allowed", $"The parameter {misplaced} must be sent in the body of the request");
        if (!IsForm(request.ContentType))
            return OAuthError.InvalidRequest("The body must be application/x-www-form-urlencoded in UTF-8");
        var body = await BodyAsync(request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;

        var parameters = Parse(body.Value);
        if (!parameters.IsSuccess || !request.QueryString.HasValue) return parameters;
        foreach (var name in FromQuery)
        {
            if (!request.Query.TryGetValue(name, out var values)) continue;
            if (values.Count > 1 || parameters.Value.Has(name)) return Repeated(name);
            parameters.Value.Add(name, values.ToString());
        }
        return parameters.Value;
    }

    /// <summary>The whole body, refused when it is longer than <paramref name="maxBytes"/> or breaks off.</summary>
    public static async Task<Result<byte[], OAuthError>> BodyAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        var tooLarge = new OAuthError(413, "invalid_request", $"The body is larger than {maxBytes} bytes");
        // The server reads on and throws away what follows, up to this much: if it closed at once, many callers would see
        // a broken connection instead of the answer.
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = ThrownAway;
        if (request.ContentLength > maxBytes) return tooLarge;
        try
        {
            while (true)
            {
                var read = await request.BodyReader.ReadAsync(cancellationToken);
                if (read.Buffer.Length <= maxBytes && !read.IsCompleted)
                {
                    request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                    continue;
                }
                Result<byte[], OAuthError> body = read.Buffer.Length > maxBytes ? tooLarge : read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return body;
            }
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode == 413 ? tooLarge : new OAuthError(e.StatusCode, "invalid_request", "The body cannot be read");
        }
    }

    public static bool IsForm(string? contentType) => contentType == FormType
        || (MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals(FormType, StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase)));

    /// <summary>The parameters of the query and, with a form post, of the body: what the authorization endpoint reads (RFC 6749 §3.1).</summary>
    public static async Task<Result<Parameters, OAuthError>> ReadWithQueryAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var parameters = Parse(request.QueryString.Value is { Length: > 1 } query ? query[1..] : "", new Parameters());
        if (!parameters.IsSuccess || request.ContentType is null) return parameters;
        if (!IsForm(request.ContentType)) return OAuthError.InvalidRequest("The body must be application/x-www-form-urlencoded in UTF-8");
        var body = await BodyAsync(request, MaxBytes, cancellationToken);
        return body.IsSuccess ? Parse(body.Value, parameters.Value) : body.Error;
    }

    private static Result<Parameters, OAuthError> Parse(byte[] body, Parameters? before = null)
    {
        try
        {
            return Parse(Utf8.GetString(body), before ?? new Parameters());
        }
        catch (DecoderFallbackException)
        {
            return Unreadable();
        }
    }

    private static Result<Parameters, OAuthError> Parse(string text, Parameters parameters)
    {
        foreach (var range in text.AsSpan().Split('&'))
        {
            var part = text.AsSpan(range);
            if (part.IsEmpty) continue;
            var equals = part.IndexOf('=');
            var name = Decode((equals < 0 ? part : part[..equals]).ToString());
            var value = equals < 0 ? "" : Decode(part[(equals + 1)..].ToString());
            if (name is null || value is null) return Unreadable();
            if (parameters.Has(name) && !Repeatable.Contains(name, StringComparer.Ordinal)) return Repeated(name);
            if (parameters.Count == MaxParameters) return OAuthError.InvalidRequest($"More than {MaxParameters} parameters");
            parameters.Add(name, value);
        }
        return parameters;
    }

    /// <summary>Decodes one name or value (WHATWG URL §5.1, but strict); null when it is not UTF-8 or holds NUL.</summary>
    public static string? Decode(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal)) return null;
        if (text.AsSpan().IndexOfAny('%', '+') < 0) return text;
        for (var i = text.IndexOf('%', StringComparison.Ordinal); i >= 0; i = text.IndexOf('%', i + 1))
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) return null;
        try
        {
            var bytes = WebUtility.UrlDecodeToBytes(Encoding.UTF8.GetBytes(text), 0, Encoding.UTF8.GetByteCount(text));
            var decoded = Utf8.GetString(bytes);
            return decoded.Contains('\0', StringComparison.Ordinal) ? null : decoded;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static OAuthError Repeated(string name) => OAuthError.InvalidRequest($"The parameter {OAuthError.Printable(name)} occurs more than once");

    private static OAuthError Unreadable() => OAuthError.InvalidRequest("The parameters are not a form in UTF-8");
}

/// <summary>The parameters of one request; none occurs twice, save those that may.</summary>
internal sealed class Parameters
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    public int Count { get; private set; }

    /// <summary>The value; null when the parameter is left out or empty, which mean the same (RFC 6749 §3.2).</summary>
    public string? this[string name] => Raw(name) is { Length: > 0 } value ? value : null;

    /// <summary>The value, also when it is empty: UAA's empty client secret is one.</summary>
    public string? Raw(string name) => _values.TryGetValue(name, out var values) ? values[0] : null;

    public IEnumerable<string> All(string name) => _values.TryGetValue(name, out var values) ? values.Where(value => value.Length > 0) : [];

    /// <summary>All parameters in the order of their names' first occurrence.</summary>
    public IEnumerable<(string Name, string Value)> Pairs => _values.SelectMany(pair => pair.Value.Select(value => (pair.Key, value)));

    public bool Has(string name) => _values.ContainsKey(name);

    public void Add(string name, string value)
    {
        Count++;
        if (_values.TryGetValue(name, out var values)) values.Add(value);
        else _values[name] = [value];
    }
}
