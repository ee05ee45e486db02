using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>A request as a person writes it: <c>GET /accounts/current</c>, or the path alone.</summary>
internal static class RequestLine
{
    public static (string Method, string Path) Read(string text, string option)
    {
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var (method, path) = parts switch
        {
            [var only] => ("GET", only),
            [var first, var second] => (first.ToUpperInvariant(), second),
            _ => ("", ""),
        };
        return path.StartsWith('/') && method.All(char.IsAsciiLetter) ? (method, path) : throw CommandFailure.Usage($"{option} takes a request as 'GET /accounts/current', not '{PlainText.Of(text)}'.");
    }
}
