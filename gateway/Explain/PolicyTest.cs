using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Access.Foreign;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>
/// <c>--test-policy</c>: reads a configuration from standard input as the configuration server would serve it, and prints every fault
/// that would stop the start or refuse the change; without one, the routes in their order and what would become of one request.
/// </summary>
internal static class PolicyTest
{
    public const string Option = "--test-policy";

    /// <summary>Runs it.</summary>
    /// <param name="compose">Composes the gateway as for a start; it is not started.</param>
    /// <param name="input">JSON: <c>environment</c>, and <c>request</c> if one is to be judged.</param>
    /// <param name="output">Gets JSON.</param>
    /// <returns>0 without a fault, else 1; <see cref="MeshProgram.CannotStart"/> when the input cannot be read.</returns>
    public static async Task<int> RunAsync(Func<WebApplicationBuilder, WebApplicationBuilder> compose, TextReader input, TextWriter output)
    {
        PolicyTestInput? test = null;
        string? unread;
        try
        {
            test = JsonSerializer.Deserialize(await input.ReadToEndAsync(), PolicyJson.Default.PolicyTestInput);
            unread = test is { Environment.ValueKind: JsonValueKind.Object } ? null : "the input has no environment";
        }
        catch (JsonException)
        {
            unread = "the input is not JSON";
        }
        var settings = unread is null ? ServedConfiguration.Read(test!.Environment.GetRawText(), Environment.GetEnvironmentVariable, out unread) : null;
        if (settings is null)
        {
            await WriteAsync(output, new PolicyTestOutput([new PolicyFault(null, unread!)], [], null));
            return MeshProgram.CannotStart;
        }
        var result = await JudgeAsync(compose, settings, test!.Request);
        await WriteAsync(output, result);
        return result.Faults.Count == 0 ? 0 : 1;
    }

    private static async Task<PolicyTestOutput> JudgeAsync(Func<WebApplicationBuilder, WebApplicationBuilder> compose, IReadOnlyDictionary<string, string?> settings, TestedRequest? request)
    {
        WebApplicationBuilder builder;
        try
        {
            builder = WebApplication.CreateBuilder();
            // What is tried stands below the environment, as what the configuration server says does.
            builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = settings.Append(new("mesh:config:enabled", "false")) });
            compose(builder).Logging.ClearProviders(); // standard output is the result
        }
        catch (MeshStartException e)
        {
            return new PolicyTestOutput([PolicyFault.Of(e.Message)], [], null);
        }
        await using var app = builder.Build();
        var (routes, faults) = RouteReader.Read(app.Configuration);
        IReadOnlyList<string> all = [.. faults, .. IssuerFaults(app), .. OptionFaults(app.Services)];
        if (all.Count > 0) return new PolicyTestOutput([.. all.Select(PolicyFault.Of)], [], null);
        var ordered = RouteMatch.InOrder(routes);
        return new PolicyTestOutput([], [.. ordered.Select(TestedRoute.Of)], request is null ? null : app.Services.GetRequiredService<DryRun>().Suppose(request));
    }

    private static IReadOnlyList<string> IssuerFaults(WebApplication app)
    {
        try
        {
            return ForeignReader.Read(app.Configuration, app.Services.GetRequiredService<IOptions<MeshOptions>>().Value).Faults;
        }
        catch (Exception e) when (e is OptionsValidationException or InvalidOperationException)
        {
            return []; // the mesh's own settings are wrong, and are named beside this
        }
    }

    /// <summary>Everything that is validated at a start.</summary>
    private static IEnumerable<string> OptionFaults(IServiceProvider services)
    {
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return [];
        }
        catch (OptionsValidationException e)
        {
            return e.Failures;
        }
        catch (AggregateException e)
        {
            return e.Flatten().InnerExceptions.SelectMany(one => one is OptionsValidationException invalid ? invalid.Failures : [one.Message]);
        }
        catch (InvalidOperationException e) // a value that is of another type than the setting
        {
            return [e.InnerException is { } inner ? $"{e.Message} {inner.Message}" : e.Message];
        }
    }

    private static Task WriteAsync(TextWriter output, PolicyTestOutput result) => output.WriteLineAsync(JsonSerializer.Serialize(result, PolicyJson.Default.PolicyTestOutput));
}

/// <summary>What is to be tried.</summary>
/// <param name="Environment">The configuration as a configuration server answers.</param>
/// <param name="Request">A request; null for none.</param>
internal sealed record PolicyTestInput(JsonElement Environment, TestedRequest? Request);

/// <summary>A request of somebody who is described, not shown.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path.</param>
/// <param name="Credential">The kind of his credential; null for none.</param>
/// <param name="Claims">What his issuer would say of him.</param>
internal sealed record TestedRequest(string Method, string Path, string? Credential, JsonElement Claims);

internal sealed record PolicyTestOutput(IReadOnlyList<PolicyFault> Faults, IReadOnlyList<TestedRoute> Routes, Explanation? Request);

/// <summary>What is wrong.</summary>
/// <param name="Key">The setting, as an operator types it; null when it is no single one.</param>
/// <param name="Fault">The whole sentence.</param>
internal sealed record PolicyFault(string? Key, string Fault)
{
    public static PolicyFault Of(string fault)
    {
        var word = fault.Split(' ', 2)[0];
        return new PolicyFault(word.Contains(':', StringComparison.Ordinal) ? word : null, fault);
    }
}

/// <summary>A route as it would be in force.</summary>
internal sealed record TestedRoute(
    string Id, string Path, IReadOnlyList<string> Methods, string Service, bool Public, IReadOnlyList<string> Credentials, IReadOnlyList<string> AnyScope, IReadOnlyList<string> AllScopes,
    IReadOnlyList<string> Subjects, IReadOnlyDictionary<string, IReadOnlyList<string>> Claims, bool Online, string Revocation, string Relay)
{
    public static TestedRoute Of(Route route) => new(
        route.Id, route.Path, route.Methods, route.Service, route.Public, route.Public ? [] : [.. route.Credentials.Select(kind => kind.Name())], route.Policy.AnyScope, route.Policy.AllScopes,
        route.Policy.Subjects, route.Policy.Claims, route.Online, route.Revocation.ToString().ToLowerInvariant(), route.Relay.ToString().ToLowerInvariant());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PolicyTestInput))]
[JsonSerializable(typeof(PolicyTestOutput))]
internal sealed partial class PolicyJson : JsonSerializerContext;
