using System.Net.Mime;
using System.Text;
using SecureMesh.Discovery.Wire;

namespace SecureMesh.Discovery.Apps;

/// <summary>The only writer of the registry's answers. Refusals are empty, except the few texts that registration knows.</summary>
internal static class Answer
{
    public const string Json = "application/json";
    public const string Xml = "application/xml";

    public static Task Empty(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        if (status is not (StatusCodes.Status204NoContent or StatusCodes.Status304NotModified)) http.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    /// <summary>A 400 of registration, in Netflix's words.</summary>
    public static Task Malformed(HttpContext http, string fault, bool json) => fault switch
    {
        InstanceReader.CannotParse when json => Text(http, Json, "{\"error\": \"cannot parse request body\"}"),
        InstanceReader.CannotParse => Text(http, Xml, "<error><message>cannot parse request body</message></error>"),
        _ => Text(http, MediaTypeNames.Text.Plain, fault),
    };

    public static Task Bytes(HttpContext http, bool json, ReadOnlyMemory<byte> body)
    {
        http.Response.ContentType = json ? Json : Xml;
        http.Response.ContentLength = body.Length;
        return http.Response.Body.WriteAsync(body, http.RequestAborted).AsTask();
    }

    private static Task Text(HttpContext http, string type, string text)
    {
        http.Response.StatusCode = StatusCodes.Status400BadRequest;
        http.Response.ContentType = type;
        var body = Encoding.UTF8.GetBytes(text);
        http.Response.ContentLength = body.Length;
        return http.Response.Body.WriteAsync(body, http.RequestAborted).AsTask();
    }
}
