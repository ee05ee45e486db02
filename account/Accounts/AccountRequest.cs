using SecureMesh.Account.Protocol;

namespace SecureMesh.Account.Accounts;

/// <summary>The body of a save. Members it does not know, <c>name</c> and <c>lastSeen</c> among them, are ignored.</summary>
internal static class AccountRequest
{
    private const int MaxNote = 20_000;
    private const int MaxTitle = 20;
    private const int MaxItems = 500;
    private const string Number = "a number of at most 38 digits";

    public static async Task<Result<AccountContent>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var body = await JsonBody.ReadAsync(request, cancellationToken);
        if (!body.IsSuccess) return body.Refusal;
        var content = new AccountContent(
            Items(body.Value, "incomes"),
            Items(body.Value, "expenses"),
            Saving(body.Value.RequiredObject("saving")),
            body.Value.OptionalText("note", MaxNote));
        return body.Value.Refusal is { } refusal ? refusal : content;
    }

    private static List<Item>? Items(FieldReader body, string name) => body.OptionalObjects(name, MaxItems)?.Select(item => new Item(
        item.RequiredText("title", 1, MaxTitle),
        item.Value("amount", Number, DecimalText.Zero, DecimalText.TryParse),
        item.Choice<Currency>("currency"),
        item.Choice<Period>("period"),
        item.RequiredText("icon", 0, JsonBody.MaxBytes))).ToList();

    private static Saving Saving(FieldReader? saving) => saving is null ? AccountContent.New.Saving : new Saving(
        saving.Value("amount", Number, DecimalText.Zero, DecimalText.TryParse),
        saving.Choice<Currency>("currency"),
        saving.Value("interest", Number, DecimalText.Zero, DecimalText.TryParse),
        saving.Flag("deposit"),
        saving.Flag("capitalization"));
}
