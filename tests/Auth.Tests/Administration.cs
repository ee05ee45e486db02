using System.Text;

namespace SecureMesh.Auth.Tests;

/// <summary>Calls of the administration, as its clients make them.</summary>
internal static class Administration
{
    /// <summary>A token of the demo's administrator client: everything but <c>strict</c> scopes it does not hold.</summary>
    public static async Task<string> AdminAsync(this DemoAuth auth) => (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"))).AccessToken;

    public static async Task<string> ClientTokenAsync(this DemoAuth auth, string id, string secret)
    {
        var reply = await auth.TokenAsync($"{id}:{secret}", ("grant_type", "client_credentials"));
        Assert.True(reply.Status == 200, reply.Body);
        return reply.AccessToken;
    }

    /// <summary>A client of its own for a test, with one secret; the token is in its own name.</summary>
    public static async Task<string> CallerAsync(this DemoAuth auth, string id, string authorities, string scope = "uaa.none")
    {
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"{{id}}","client_secret":"{{id}}-secret","authorized_grant_types":"client_credentials","authorities":"{{authorities}}","scope":"{{scope}}"}
            """);
        Assert.True(made.Status == 201, made.Body);
        return await auth.ClientTokenAsync(id, id + "-secret");
    }

    /// <summary>A user with password <c>geheim7</c>; its id.</summary>
    public static async Task<string> UserAsync(this DemoAuth auth, string name, string password = "geheim7")
    {
        var made = await auth.CallAsync("POST", "uaa/Users", await auth.AdminAsync(), $$$"""
            {"userName":"{{{name}}}","password":"{{{password}}}","emails":[{"value":"{{{name}}}@example.org"}],"name":{"givenName":"G","familyName":"F"}}
            """);
        Assert.True(made.Status == 201, made.Body);
        return made.Text("id");
    }

    public static async Task<Reply> CallAsync(this DemoAuth auth, string method, string path, string? bearer, string? json = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (bearer is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        foreach (var (name, value) in headers) Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        return await auth.SendAsync(request);
    }
}
