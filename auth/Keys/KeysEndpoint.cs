using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Keys;

/// <summary>The public keys (RFC 7517), with UAA's <c>value</c> beside the standard members; asked again with <c>If-None-Match</c> they cost nothing.</summary>
internal sealed class KeysEndpoint(KeyRing keys)
{
    /// <summary><c>/uaa/token_keys</c>: every key whose signatures count.</summary>
    public Task<IResult> AllAsync(HttpContext http, CancellationToken cancellationToken) => Task.FromResult(Answered(http, new Answer(json =>
    {
        json.WriteStartArray("keys");
        foreach (var key in keys.Published)
        {
            json.WriteStartObject();
            key.Write(json);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }, published: true)));

    /// <summary><c>/uaa/token_key</c>: the key that signs access tokens now.</summary>
    public Task<IResult> ActiveAsync(HttpContext http, CancellationToken cancellationToken) =>
        Task.FromResult(Answered(http, new Answer(json => keys.Active("ES256").Public.Write(json), published: true)));

    private IResult Answered(HttpContext http, Answer answer)
    {
        var etag = keys.ETag;
        http.Response.Headers.ETag = etag;
        if (!http.Request.Headers.IfNoneMatch.ToString().Split(',').Any(known => known.Trim() == etag)) return answer;
        Answer.Publish(http.Response);
        return Results.StatusCode(StatusCodes.Status304NotModified);
    }
}
