using System.CommandLine;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh curl PATH</c>: a call with the caller's token; a refusal is explained on stderr, the body goes out as it came.</summary>
internal static class CurlCommand
{
    private const string FormType = "application/x-www-form-urlencoded";

    public static Command Create(Shell shell)
    {
        var path = new Argument<string>("PATH") { Description = "Of the gateway, as /accounts/current." };
        var url = CommonOptions.Url();
        var method = CommonOptions.Value("--request", "METHOD", "Another method than GET, or POST with a body.", null, "-X");
        var data = Many("--data", "-d", "DATA", "Body: text, @FILE, or @- for what comes in.");
        var jsonData = Many("--json", null, "DATA", "The same with Content-Type and Accept of JSON.");
        var headers = Many("--header", "-H", "LINE", "A header, as 'Accept: application/json'. Your own Authorization takes the place of the token.");
        var include = new Option<bool>("--include", "-i") { Description = "Status and headers before the body." };
        var fail = new Option<bool>("--fail", "-f") { Description = "No body of a refusal." };
        var silent = new Option<bool>("--silent", "-s") { Description = "No explanation of a refusal." };
        var command = new Command("curl", "Call the mesh with your token.") { path, url, method, data, jsonData, headers, include, fail, silent };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var texts = arguments.GetValue(data) ?? [];
            var jsons = arguments.GetValue(jsonData) ?? [];
            if (texts.Length > 0 && jsons.Length > 0) throw CommandFailure.Usage("--data and --json do not go together.");
            var isJson = jsons.Length > 0;
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var body = await CurlRequest.BodyAsync(isJson ? jsons : texts, shell, cancellationToken).ConfigureAwait(false);
            List<string> lines = [.. arguments.GetValue(headers) ?? []];
            if (isJson) lines.Add("Accept: application/json");
            var request = new CurlRequest(Address(calls, arguments.GetValue(path)!), arguments.GetValue(method), lines, body, isJson ? "application/json" : FormType);

            var token = request.HasAuthorization ? null : await calls.Access.FindAsync(cancellationToken).ConfigureAwait(false);
            var (response, sent) = await calls.SendAsync(request.Make, token, cancellationToken).ConfigureAwait(false);
            using (response)
            {
                var output = new CurlOutput(shell, OutputForm.IsJson(arguments), arguments.GetValue(include), arguments.GetValue(fail));
                var refused = await output.WriteAsync(response, calls.Wire, cancellationToken).ConfigureAwait(false);
                if (refused is null) return ExitCode.Ok;
                var failure = request.HasAuthorization ? Refusal.ExplainOwn(refused) : Refusal.Explain(refused, sent);
                return arguments.GetValue(silent) ? failure.ExitCode : throw failure;
            }
        });
        return command;
    }

    private static Uri Address(MeshCalls calls, string path)
    {
        if (path.StartsWith('/')) return calls.Target.At(path);
        if (Uri.TryCreate(path, UriKind.Absolute, out var address) && calls.Target.Owns(address)) return address;
        throw CommandFailure.Usage($"'{PlainText.Of(path)}' is no path of {calls.Target}: the token goes to no other host. Begin with a slash, or name the mesh with --url.");
    }

    private static Option<string[]> Many(string name, string? alias, string helpName, string description) =>
        new(name, alias is null ? [] : [alias]) { Description = description, HelpName = helpName, Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false };
}
