namespace SecureMesh.Auth.Login;

/// <summary>
/// Where the pages stand. Redirects name them without scheme and host: the browser stays at the address it knows, which nothing
/// in a request can change.
/// </summary>
internal static class Addresses
{
    public const string Home = "/uaa/";
    public const string SignIn = "/uaa/login";
    public const string SignInPost = "/uaa/login.do";
    public const string Consent = "/uaa/oauth/confirm_access";
    public const string Resume = "/uaa/oauth/authorize/resume";
    public const string Device = "/uaa/device";
    public const string Passcode = "/uaa/passcode";
    public const string SignOut = "/uaa/logout.do";
    public const string SignedOut = "/uaa/logged_out";
    public const string Info = "/uaa/info";
    public const string Autologin = "/uaa/autologin";
    public const string Authenticate = "/uaa/authenticate";

    public static string With(string address, string name, string value) =>
        $"{address}{(address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{name}={Uri.EscapeDataString(value)}";
}
