using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Protocol;

/// <summary>UAA's policy of passwords and secrets (uaa.md §6.5).</summary>
internal sealed class SecretPolicy
{
    public int MinLength { get; set; } = 6;
    public int MaxLength { get; set; } = 128;
    public int RequireUpperCaseCharacter { get; set; }
    public int RequireLowerCaseCharacter { get; set; }
    public int RequireDigit { get; set; }
    public int RequireSpecialCharacter { get; set; }

    /// <summary>What the text lacks, joined with commas; null when it lacks nothing.</summary>
    public string? Fault(string what, string text)
    {
        List<string> faults = [];
        if (text.Length < MinLength) faults.Add($"{what} must be at least {MinLength} characters in length.");
        if (text.Length > MaxLength) faults.Add($"{what} must be no more than {MaxLength} characters in length.");
        void Need(int wanted, Func<char, bool> kind, string name)
        {
            if (text.Count(kind) < wanted) faults.Add($"{what} must contain at least {wanted} {name} characters.");
        }
        Need(RequireUpperCaseCharacter, char.IsUpper, "uppercase");
        Need(RequireLowerCaseCharacter, char.IsLower, "lowercase");
        Need(RequireDigit, char.IsDigit, "digit");
        Need(RequireSpecialCharacter, c => !char.IsLetterOrDigit(c), "special");
        return faults.Count == 0 ? null : string.Join(',', faults);
    }

    public void Validate(string section, ValidateOptionsResultBuilder result)
    {
        if (MinLength is < 1 or > 128) result.AddError($"{section}:minLength must be 1 to 128, not {MinLength}.");
        if (MaxLength < MinLength || MaxLength > 128) result.AddError($"{section}:maxLength must be {section}:minLength to 128, not {MaxLength}.");
        if (new[] { RequireUpperCaseCharacter, RequireLowerCaseCharacter, RequireDigit, RequireSpecialCharacter }.Any(wanted => wanted is < 0 or > 32))
            result.AddError($"{section}: the numbers of required characters must be 0 to 32.");
    }
}
