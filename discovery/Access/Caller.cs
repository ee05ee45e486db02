using System.Security.Claims;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Access;

/// <summary>Who asks: a principal by its wire name or client id, or (empty) someone on this machine in the demo.</summary>
internal readonly record struct Caller(string Name)
{
    public bool Anonymous => Name.Length == 0;

    /// <summary>For logs.</summary>
    public override string ToString() => Anonymous ? "(anonymous)" : Name;

    public static Caller Of(HttpContext http) => Of(http.User);

    public static Caller Of(ClaimsPrincipal user) => new(user.ClientId() ?? "");
}
