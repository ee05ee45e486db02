using System.Text.Json;
using System.Text.Json.Nodes;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Exchange;

/// <summary>Claim <c>act</c> (RFC 8693 §4.1): who acts for the subject, the present one outermost.</summary>
internal static class Delegation
{
    private const int Deepest = 3;

    /// <summary>The claim as JSON; or why nobody may act here.</summary>
    /// <param name="subject">Whose rights are used.</param>
    /// <param name="caller">The client that asks.</param>
    /// <param name="actor">Who acts by a token of its own; null: the caller does.</param>
    public static Result<string, OAuthError> Claim(ShownToken subject, Client caller, ShownToken? actor)
    {
        var acting = new JsonObject { ["sub"] = actor?.Subject ?? caller.Id };
        if (actor?.User is not null) acting["client_id"] = caller.Id;
        // §4.4: the subject said beforehand who may.
        if (TokenClaims.Object(subject.Claims, "may_act") is { } may && !may.EnumerateObject().All(member => IsNamed(member, acting, subject)))
            return OAuthError.InvalidRequest("The subject_token is not acceptable", "may_act names another");
        if (TokenClaims.Object(subject.Claims, "act") is { } before) acting["act"] = JsonNode.Parse(before.GetRawText());
        return Depth(acting) <= Deepest ? acting.ToJsonString() : OAuthError.InvalidRequest($"More than {Deepest} act for one another");
    }

    /// <summary>The claim as it was, where nobody new acts; null when nobody did.</summary>
    public static string? Kept(ShownToken subject) => TokenClaims.Object(subject.Claims, "act")?.GetRawText();

    // What is not understood restricts too.
    private static bool IsNamed(JsonProperty member, JsonObject acting, ShownToken subject) =>
        member.Value.ValueKind == JsonValueKind.String
        && member.Value.GetString() == (member.Name == "iss" ? TokenClaims.Text(subject.Claims, "iss") : acting[member.Name]?.GetValue<string>());

    private static int Depth(JsonObject acting)
    {
        var depth = 1;
        for (var next = acting["act"] as JsonObject; next is not null; next = next["act"] as JsonObject) depth++;
        return depth;
    }
}
