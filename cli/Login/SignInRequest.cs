namespace SecureMesh.Cli.Login;

/// <summary>What a person asked for with <c>mesh login</c>.</summary>
internal sealed record SignInRequest(string ClientId, string Scope, bool OpensBrowser, TimeSpan Patience);
