using System.Collections;
using System.CommandLine;
using System.Text.Json;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Preflight;
using SecureMesh.Cli.Terminal;
using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Commands;

/// <summary>
/// <c>mesh policy test FILE</c>: whether the gateway would take a configuration, and whom it would let in. The configuration server's
/// program reads it as it would serve it, the gateway's judges it as at a start; nothing runs and nothing is changed.
/// </summary>
internal static class PolicyCommand
{
    private static readonly string[] _kinds = ["jwt", "opaque", "api-token", "basic", "foreign"];

    public static Command Create(Shell shell) => Create(shell, PublishedPrograms.Folder);

    /// <param name="shell">The terminal.</param>
    /// <param name="published">Where the programs are.</param>
    public static Command Create(Shell shell, string published)
    {
        var file = new Argument<string>("FILE") { Description = "A changed gateway.yml, or a configuration folder: then with what its application.yml says." };
        var request = CommonOptions.Value("--request", "REQUEST", "Also say what would become of a request, as 'GET /accounts/current'.");
        var scopes = CommonOptions.Value("--scopes", "SCOPES", "The scopes of its caller, separated by spaces.");
        var subject = CommonOptions.Value("--subject", "SUB", "His subject.");
        var client = CommonOptions.Value("--client", "ID", "His client.");
        var credential = CommonOptions.Value("--credential", "KIND", "The kind of his credential: jwt, opaque, api-token, basic, foreign, or none.", "jwt");
        var claims = new Option<string[]>("--claim") { Description = "A further claim, as 'department=sales'; several times for several.", HelpName = "NAME=VALUE", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false };
        var production = new Option<bool>("--production") { Description = "Judge it as for a mesh that was started with --production, without what the demo allows." };
        var test = new Command("test", "Try a configuration of the gateway before it is in force.") { file, request, scopes, subject, client, credential, claims, production };
        Interruption.SetAction(test, shell, async (arguments, cancellationToken) =>
        {
            var asked = arguments.GetValue(request) is { } line ? RequestLine.Read(line, "--request") : ((string, string)?)null;
            var kind = arguments.GetValue(credential);
            if (kind != "none" && !_kinds.Contains(kind)) throw CommandFailure.Usage($"--credential is one of {string.Join(", ", _kinds)} or none, not '{PlainText.Of(kind)}'.");
            var path = Path.GetFullPath(Path.Combine(shell.Folder, arguments.GetValue(file)!));
            if (!File.Exists(path) && !Directory.Exists(path)) throw CommandFailure.Usage($"there is no '{PlainText.Of(path)}'.");
            var environment = await FlattenAsync(published, path, cancellationToken).ConfigureAwait(false);
            if (environment.Fault is { } fault) return Tell(shell, arguments, Broken(fault));
            var input = JsonText.Line(json => Write(json, environment.Json, asked, kind == "none" ? null : kind, Claims(arguments, scopes, subject, client, claims)));
            return Tell(shell, arguments, await JudgeAsync(published, input, arguments.GetValue(production), cancellationToken).ConfigureAwait(false));
        });
        return new Command("policy", "Who may use the mesh's routes.") { test };
    }

    private static async Task<(JsonElement Json, string? Fault)> FlattenAsync(string published, string path, CancellationToken cancellationToken)
    {
        var run = await ProgramRun.RunAsync(PublishedPrograms.PathOf(published, ServiceKind.Config), ["--flatten", path], Environment(ServiceKind.Config), cancellationToken).ConfigureAwait(false);
        return run.ExitCode == 0 ? (Parse(run.Output, "the configuration server's program"), null) : (default, run.Complaint);
    }

    private static async Task<JsonElement> JudgeAsync(string published, string input, bool production, CancellationToken cancellationToken)
    {
        // As ./mesh up starts it: with the demo unless told otherwise.
        var environment = Environment(ServiceKind.Gateway);
        if (!production) environment["MESH__DEMO"] = "true";
        var run = await ProgramRun.RunAsync(PublishedPrograms.PathOf(published, ServiceKind.Gateway), ["--test-policy"], environment, cancellationToken, input).ConfigureAwait(false);
        return Parse(run.Output, "the gateway's program");
    }

    private static Dictionary<string, string> Environment(ServiceKind kind) => ServiceEnvironment.Inherited((IDictionary)System.Environment.GetEnvironmentVariables(), kind);

    private static JsonElement Parse(string output, string who)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw CommandFailure.Configuration($"{who} gave no usable answer: build it again with ./mesh.", e);
        }
    }

    private static JsonElement Broken(string fault)
    {
        using var document = JsonDocument.Parse(JsonText.Line(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("faults");
            json.WriteStartObject();
            json.WriteNull("key");
            json.WriteString("fault", fault);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartArray("routes");
            json.WriteEndArray();
            json.WriteEndObject();
        }));
        return document.RootElement.Clone();
    }

    private static Dictionary<string, List<string>> Claims(ParseResult arguments, Option<string?> scopes, Option<string?> subject, Option<string?> client, Option<string[]> claims)
    {
        var all = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var claim in arguments.GetValue(claims) ?? [])
        {
            var equals = claim.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1) throw CommandFailure.Usage($"--claim takes NAME=VALUE, not '{PlainText.Of(claim)}'.");
            if (!all.TryGetValue(claim[..equals], out var values)) all[claim[..equals]] = values = [];
            values.Add(claim[(equals + 1)..]);
        }

        if (arguments.GetValue(subject) is { } sub) all["sub"] = [sub];
        if (arguments.GetValue(client) is { } id) all["client_id"] = [id];
        all["scope"] = [.. (arguments.GetValue(scopes) ?? "").Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)];
        return all;
    }

    private static void Write(Utf8JsonWriter json, JsonElement environment, (string Method, string Path)? request, string? credential, Dictionary<string, List<string>> claims)
    {
        json.WriteStartObject();
        json.WritePropertyName("environment");
        environment.WriteTo(json);
        if (request is { } asked)
        {
            json.WriteStartObject("request");
            json.WriteString("method", asked.Method);
            json.WriteString("path", asked.Path);
            json.Member("credential", credential);
            json.WriteStartObject("claims");
            foreach (var (name, values) in claims)
            {
                if (values.Count == 1 && name != "scope") json.WriteString(name, values[0]);
                else json.Member(name, values);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>0 when the configuration is good and the request, if there is one, is let in.</summary>
    private static int Tell(Shell shell, ParseResult arguments, JsonElement result)
    {
        shell.Write(arguments, result.WriteTo, text => Write(text, result));
        var isRefused = result.Get("request") is { } judged && judged.Text("reason") is not null;
        return Items(result, "faults").Any() || isRefused ? ExitCode.Failed : ExitCode.Ok;
    }

    private static void Write(TextWriter output, JsonElement result)
    {
        foreach (var fault in Items(result, "faults")) output.WriteLine(PlainText.Of(fault.Text("fault")));
        var routes = Items(result, "routes").ToList();
        if (routes.Count > 0)
        {
            TextTable.Write(output, ["route", "methods", "path", "service", "who", "credentials"], routes.Select(IReadOnlyList<string?> (route) =>
            [
                route.Text("id"), route.Texts("methods") is { Count: > 0 } methods ? string.Join(',', methods) : "all", route.Text("path"), route.Text("service"), Who(route), string.Join(',', route.Texts("credentials")),
            ]));
        }

        if (result.Get("request") is not { ValueKind: JsonValueKind.Object } judged) return;
        output.WriteLine();
        output.WriteLine($"{judged.Number("status")}{(judged.Text("reason") is { } reason ? $" ({PlainText.Of(reason)})" : "")}: {PlainText.Of(judged.Text("cause"))}");
        WhyText.Entry(output, judged);
        if (judged.Text("fix") is { } fix) output.WriteLine($"fix: {PlainText.Of(fix)}");
    }

    private static string Who(JsonElement route)
    {
        if (route.Get("public") is { ValueKind: JsonValueKind.True }) return "everybody";
        var parts = new List<string>();
        if (route.Texts("anyScope") is { Count: > 0 } any) parts.Add("any of " + string.Join(' ', any));
        if (route.Texts("allScopes") is { Count: > 0 } all) parts.Add("all of " + string.Join(' ', all));
        if (route.Texts("subjects") is { Count: > 0 } subjects) parts.Add($"{subjects.Count} subjects");
        if (route.Get("claims") is { ValueKind: JsonValueKind.Object } claims) parts.AddRange(claims.EnumerateObject().Select(claim => $"{claim.Name} of {string.Join(' ', claims.Texts(claim.Name))}"));
        return string.Join("; ", parts);
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement json, string member) =>
        json.Get(member) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : default;
}
