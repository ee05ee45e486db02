using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary>
/// <c>mesh why ID</c>: why a request was refused; <c>mesh why --token-file FILE --route "GET /path"</c>: what would become of one. The
/// token that is asked about goes to the gateway in a body, and stands neither in an address nor in a list of processes.
/// </summary>
internal static class WhyCommand
{
    private const int LongestToken = 64 * 1024;
    private const string Path = "/actuator/why";

    public static Command Create(Shell shell)
    {
        var id = new Argument<string?>("ID") { Description = "The trace id: X-Trace-Id of the answer, traceId of its body.", Arity = ArgumentArity.ZeroOrOne };
        var url = CommonOptions.Url();
        var data = CommonOptions.Value("--data", "DIR", "Data folder of the mesh, to find its further gateways; else .mesh here or in the checkout.");
        var tokenFile = CommonOptions.Value("--token-file", "FILE", "Judge this token in place of an id; - reads it from standard input. Needs --route.");
        var route = CommonOptions.Value("--route", "REQUEST", "The request to be judged, as 'GET /accounts/current'; without --token-file it has no credential.");
        var command = new Command("why", "Say why a request was refused, or would be. Needs uaa.admin.") { id, url, data, tokenFile, route };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var (asked, request, file) = (arguments.GetValue(id), arguments.GetValue(route), arguments.GetValue(tokenFile));
            if ((asked is null) == (request is null)) throw CommandFailure.Usage("name an ID, or a request with --route \"GET /path\".");
            if (file is not null && request is null) throw CommandFailure.Usage("--token-file needs --route \"GET /path\".");
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var why = asked is not null
                ? await TellAsync(calls, calls.Target.Others(shell, arguments.GetValue(data)), Id(asked), cancellationToken).ConfigureAwait(false)
                : await TryAsync(calls, shell, request!, file, cancellationToken).ConfigureAwait(false);
            shell.Write(arguments, why.WriteTo, text => WhyText.Write(text, why));
            return why.Get("allowed") is { ValueKind: JsonValueKind.False } ? ExitCode.Failed : ExitCode.Ok;
        });
        return command;
    }

    private static string Id(string id) => id.Length == 32 && id.All(char.IsAsciiHexDigit) ? id.ToLowerInvariant() : throw CommandFailure.Usage($"'{PlainText.Of(id)}' is no trace id: it has 32 hexadecimal digits.");

    /// <summary>Each gateway keeps its own: the one that was called first, then the others.</summary>
    private static async Task<JsonElement> TellAsync(MeshCalls calls, IReadOnlyList<Target> others, string id, CancellationToken cancellationToken)
    {
        try
        {
            return (await calls.AskAsync(HttpMethod.Get, $"{Path}/{id}", json: null, cancellationToken).ConfigureAwait(false)).Json;
        }
        catch (CommandFailure e) when (e.Status == 404)
        {
            foreach (var other in others)
            {
                if (await AskOtherAsync(calls, other, id, cancellationToken).ConfigureAwait(false) is { } told) return told;
            }

            throw CommandFailure.Failed($"nothing is known of {id} at {string.Join(", ", [calls.Target, .. others])}: it succeeded, or the answer itself says why (a service's 400, 404 and the like), or it is too long ago (gateway:explain:kept), or another gateway refused it.");
        }
    }

    private static async Task<JsonElement?> AskOtherAsync(MeshCalls calls, Target gateway, string id, CancellationToken cancellationToken)
    {
        try
        {
            using var wire = new Wire(gateway, TimeProvider.System);
            using var request = new HttpRequestMessage(HttpMethod.Get, gateway.At($"{Path}/{id}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await calls.Access.NeedAsync(cancellationToken).ConfigureAwait(false)).Token);
            var answer = await wire.AskAsync(request, cancellationToken).ConfigureAwait(false);
            return answer.IsSuccess ? answer.Json : null;
        }
        catch (CommandFailure e) when (e.ExitCode == ExitCode.Unreachable)
        {
            return null; // it may have been restarted, and has forgotten all then
        }
    }

    private static async Task<JsonElement> TryAsync(MeshCalls calls, Shell shell, string request, string? file, CancellationToken cancellationToken)
    {
        var (method, path) = RequestLine.Read(request, "--route");
        var token = file is null ? null : await TokenAsync(shell, file, cancellationToken).ConfigureAwait(false);
        var space = token?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
        var body = JsonText.Line(json =>
        {
            json.WriteStartObject();
            json.WriteString("method", method);
            json.WriteString("path", path);
            // A whole header value names its scheme.
            if (space > 0) json.WriteString("scheme", token![..space]);
            if (token is not null) json.WriteString("credential", token[(space + 1)..]);
            json.WriteEndObject();
        });
        return (await calls.AskAsync(HttpMethod.Post, Path, Encoding.UTF8.GetBytes(body), cancellationToken).ConfigureAwait(false)).Json;
    }

    private static async Task<string> TokenAsync(Shell shell, string file, CancellationToken cancellationToken)
    {
        try
        {
            await using var source = file == "-" ? null : File.OpenRead(System.IO.Path.Combine(shell.Folder, file));
            using var reader = new StreamReader(source ?? shell.In, leaveOpen: source is null);
            var text = new char[LongestToken + 1];
            var length = await reader.ReadBlockAsync(text, cancellationToken).ConfigureAwait(false);
            var token = new string(text, 0, length).Trim();
            return length <= LongestToken && token.Length > 0 && token.All(c => c is >= ' ' and <= '~') ? token : throw CommandFailure.Usage("--token-file holds no token: it must be one line of plain characters.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandFailure.Usage($"the token cannot be read from '{PlainText.Of(file)}': {e.Message}");
        }
    }
}
