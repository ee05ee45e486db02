using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Login;

/// <summary>
/// What a person wants to go on with after signing in: an authorization request, by its id, or one of our own pages, by its
/// word. An address is never taken from a request (B-02, V-066, V-117).
/// </summary>
internal sealed record Goal(string? Transaction, string? Word, string? UserCode)
{
    public static Goal OfQuery(HttpRequest request) => Make(One(request, "transaction"), One(request, "continue"), One(request, "user_code"));

    public static Goal Of(Parameters form) => Make(form["transaction"], form["continue"], form["user_code"]);

    /// <summary>A parameter of the query; null when it is missing, empty or comes twice.</summary>
    public static string? One(HttpRequest request, string name) =>
        request.Query.TryGetValue(name, out var values) && values.Count == 1 && values[0] is { Length: > 0 and <= 512 } value ? value : null;

    public string Next() => Word switch
    {
        "device" => UserCode is null ? Addresses.Device : Addresses.With(Addresses.Device, "user_code", UserCode),
        "passcode" => Addresses.Passcode,
        _ => Addresses.Home,
    };

    /// <summary>The sign-in page for this goal.</summary>
    public string SignIn() => Fields().Aggregate(Addresses.SignIn, (address, field) => Addresses.With(address, field.Key, field.Value));

    public IReadOnlyDictionary<string, string> Fields()
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        if (Transaction is not null) fields["transaction"] = Transaction;
        if (Word is not null) fields["continue"] = Word;
        if (UserCode is not null) fields["user_code"] = UserCode;
        return fields;
    }

    private static Goal Make(string? transaction, string? word, string? userCode) => new(
        transaction is { Length: <= 128 } && transaction.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? transaction : null,
        word is "device" or "passcode" ? word : null,
        userCode is { Length: <= 32 } && userCode.All(c => char.IsAsciiLetterOrDigit(c) || c is '-') ? userCode : null);
}

/// <summary>Logos and links of clients: shown only from https, as plain attributes.</summary>
internal static class ClientImage
{
    public static string? Https(string? address) =>
        address is not null && Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps && uri.UserInfo.Length == 0 ? uri.AbsoluteUri : null;
}
