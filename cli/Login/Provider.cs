using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>
/// The token service of a mesh as its discovery document describes it. Every address must be one of the mesh itself: else a
/// forged document could have codes and tokens sent elsewhere (RFC 9700 §4.4, mix-up).
/// </summary>
internal sealed record Provider(
    string Issuer, Uri? Authorization, Uri Token, Uri Keys, Uri? Device, Uri? Revocation, Uri? UserInfo, bool NamesItself)
{
    private const string Path = "/uaa/.well-known/openid-configuration";

    public static async Task<Provider> ReadAsync(Wire wire, CancellationToken cancellationToken)
    {
        var target = wire.Target;
        var answer = await wire.GetAsync(target.At(Path), cancellationToken).ConfigureAwait(false);
        if (answer.Status is 429 or >= 500) throw Refusal.Explain(answer, token: null);
        var issuer = answer.Text("issuer");
        if (!answer.IsSuccess || issuer is null)
            throw CommandFailure.Failed($"{target}{Path} is no discovery document (status {answer.Status}): is this the address of a gateway?");
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || !target.Owns(address))
        {
            var advice = address is { Scheme: "http" or "https" } ? $": use --url {PlainText.Of(address.GetLeftPart(UriPartial.Authority))} if that is the mesh you mean" : "";
            throw CommandFailure.Failed($"{target} says that it is {PlainText.Of(issuer)}{advice}.");
        }

        Uri? Endpoint(string member)
        {
            if (answer.Text(member) is not { } text) return null;
            return Uri.TryCreate(text, UriKind.Absolute, out var endpoint) && target.Owns(endpoint)
                ? endpoint
                : throw CommandFailure.Failed($"the discovery document of {target} names {PlainText.Of(text)} as {member}, which is another host: nothing was sent there.");
        }

        Uri Needed(string member) => Endpoint(member) ?? throw CommandFailure.Failed($"the discovery document of {target} has no {member}.");
        return new Provider(
            issuer, Endpoint("authorization_endpoint"), Needed("token_endpoint"), Needed("jwks_uri"), Endpoint("device_authorization_endpoint"),
            Endpoint("revocation_endpoint"), Endpoint("userinfo_endpoint"),
            answer.Json.Get("authorization_response_iss_parameter_supported") is { ValueKind: System.Text.Json.JsonValueKind.True });
    }
}
