using System.Text;
using System.Text.Json;
using SecureMesh.Config.Documents;
using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Merged;

/// <summary><c>/{application}-{profile}.yml</c>, <c>.properties</c> and <c>.json</c>, each also below a label: one merged text for people and scripts.</summary>
internal sealed class MergedEndpoint(EnvironmentFinder environments)
{
    public async Task<IResult> HandleAsync(HttpContext http, string? label, string name)
    {
        // 1. Split at the last hyphen: foo-bar-default.yml is application foo-bar.
        var extension = Path.GetExtension(name);
        var stem = name[..^extension.Length];
        var hyphen = stem.LastIndexOf('-');
        if (hyphen <= 0 || extension is not (".yml" or ".yaml" or ".properties" or ".json")) return new ConfigError(404);
        // 2. Find the environment.
        var request = EnvironmentRequest.Read(http, stem[..hyphen], stem[(hyphen + 1)..], label);
        if (!request.IsSuccess) return request.Error;
        var environment = await environments.FindAsync(request.Value, http.RequestAborted);
        if (!environment.IsSuccess) return environment.Error;
        // 3. Merge, fill in the placeholders value by value, and write.
        var merged = MergedProperties.Of(environment.Value);
        var properties = Placeholders.AreWanted(http.Request) ? Filled(merged) : merged;
        if (!properties.IsSuccess) return properties.Error;
        if (extension == ".properties") return Text(string.Join('\n', properties.Value.Select(pair => $"{pair.Key}: {ScalarText.Of(pair.Value)}")));
        var tree = MergedTree.Of(properties.Value);
        if (!tree.IsSuccess) return tree.Error;
        if (extension == ".json") return Json(tree.Value);
        // A file that is nothing but a text or a list was given the key 'document' to have one.
        return Text(YamlText.Of(tree.Value is { Count: 1 } only && only.TryGetValue("document", out var document) && document is not null ? document : tree.Value));
    }

    private static Result<SortedDictionary<string, object>> Filled(SortedDictionary<string, object> properties)
    {
        var placeholders = new Placeholders(properties);
        var result = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var (key, value) in properties)
        {
            result[key] = value;
            if (value is not string text) continue;
            var filled = placeholders.Fill(text);
            if (!filled.IsSuccess) return filled.Error;
            result[key] = filled.Value;
        }
        return result;
    }

    private static ConfigContent Text(string text) => new(Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");

    private static ConfigContent Json(SortedDictionary<string, object?> tree)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body, ConfigEnvironment.Json)) Write(json, tree);
        return new(body.ToArray(), "application/json");
    }

    private static void Write(Utf8JsonWriter json, object? node)
    {
        switch (node)
        {
            case SortedDictionary<string, object?> map:
                json.WriteStartObject();
                foreach (var (key, value) in map)
                {
                    json.WritePropertyName(key);
                    Write(json, value);
                }
                json.WriteEndObject();
                break;
            case List<object?> list:
                json.WriteStartArray();
                foreach (var item in list) Write(json, item);
                json.WriteEndArray();
                break;
            default:
                ConfigEnvironment.WriteScalar(json, node);
                break;
        }
    }
}
