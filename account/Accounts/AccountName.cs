using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace SecureMesh.Account.Accounts;

/// <summary>A name of 3 to 20 letters, digits, <c>.</c>, <c>_</c> and <c>-</c>, the first a letter or digit: safe in paths, logs and mails.</summary>
/// <remarks>No <c>@</c>: twenty characters are too few for addresses, and a name that looks like one invites to be trusted as one.</remarks>
internal sealed partial record AccountName
{
    public const int MinLength = 3;
    public const int MaxLength = 20;

    /// <summary>The account that everyone may read.</summary>
    public static readonly AccountName Demo = new("demo");

    // The path below which the caller's own account is found would hide an account of that name.
    private static readonly string[] Reserved = ["current"];

    private AccountName(string text) => Text = text;

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <summary>By which names are equal.</summary>
    public string Key => Text.ToLowerInvariant();

    public bool IsReserved => Reserved.Contains(Key);

    public static bool TryParse(string? text, [NotNullWhen(true)] out AccountName? name)
    {
        name = text is not null && Form().IsMatch(text) ? new AccountName(text) : null;
        return name is not null;
    }

    public bool Equals(AccountName? other) => other?.Key == Key;
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);
    public override string ToString() => Text;

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{2,19}\z")]
    private static partial Regex Form();
}
