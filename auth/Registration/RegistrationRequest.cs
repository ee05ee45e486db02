using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Registration;

/// <summary>A registration as a service sends it: <c>{"username","password"}</c>; other members are ignored.</summary>
internal sealed record RegistrationRequest(string UserName, string Password)
{
    private const int MaxBytes = 64 * 1024;
    private const int LongestUserName = 255;
    private const int ShortestPassword = 6;
    private const int LongestPassword = 128;

    // Names that are paths below /uaa/users and /accounts.
    private static readonly string[] Reserved = ["current"];
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public static async Task<Result<RegistrationRequest, OAuthError>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType()) return OAuthError.InvalidRequest("The body must be application/json");
        var body = await FormBody.BodyAsync(request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            using var json = JsonDocument.Parse(body.Value, Strict);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? Check(Text(json.RootElement, "username"), Text(json.RootElement, "password"))
                : OAuthError.InvalidRequest("The body must be a JSON object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            // Text that is no Unicode shows up as InvalidOperationException when it is read.
            return OAuthError.InvalidRequest("The body is not JSON in UTF-8");
        }
    }

    private static Result<RegistrationRequest, OAuthError> Check(string? userName, string? password)
    {
        if (string.IsNullOrEmpty(userName)) return Refused("invalid_scim_resource", "A username must be provided.");
        if (userName.Length > LongestUserName) return Refused("invalid_scim_resource", $"Username must be no more than {LongestUserName} characters in length.");
        if (!userName.All(IsSafe)) return Refused("invalid_scim_resource", "Username must consist of letters, digits and the characters + - _ . @ ' !");
        if (Reserved.Contains(userName, StringComparer.OrdinalIgnoreCase)) return Refused("invalid_scim_resource", "This username is reserved.");
        if (string.IsNullOrEmpty(password) || password.Length < ShortestPassword)
            return Refused("invalid_password", $"Password must be at least {ShortestPassword} characters in length.");
        // Refused rather than cut: two different passwords must never be the same.
        return password.Length > LongestPassword
            ? Refused("invalid_password", $"Password must be no more than {LongestPassword} characters in length.")
            : new RegistrationRequest(userName, password);
    }

    public static bool IsSafe(char c) => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '_' or '.' or '@' or '\'' or '!';

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static OAuthError Refused(string error, string message) => new(400, error, message) { AsScim = true };
}
