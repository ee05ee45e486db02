using SecureMesh.Account.Accounts;
using SecureMesh.Account.Protocol;

namespace SecureMesh.Account.Registration;

/// <summary>Who wants an account.</summary>
internal sealed record RegistrationRequest(AccountName Name, string Password)
{
    private const string NameRule = "3 to 20 letters, digits, dots, underscores or hyphens, the first a letter or digit, and not a reserved word";

    public static async Task<Result<RegistrationRequest>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var body = await JsonBody.ReadAsync(request, cancellationToken);
        if (!body.IsSuccess) return body.Refusal;
        var name = AccountName.TryParse(body.Value.RequiredText("username", AccountName.MinLength, AccountName.MaxLength), out var valid) && !valid.IsReserved
            ? valid
            : body.Value.Fault<AccountName?>("username", "is required and must be " + NameRule, null);
        var password = body.Value.RequiredText("password", 6, 40);
        return body.Value.Refusal is { } refusal ? refusal : new RegistrationRequest(name!, password);
    }

    /// <summary>For logs and debuggers: without the password.</summary>
    public override string ToString() => Name.Text;
}
