using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Account.Accounts;

/// <summary>How accounts are written to callers and kept in the store: nulls written, enums by name, numbers as given.</summary>
[JsonSerializable(typeof(Account))]
[JsonSerializable(typeof(AccountContent))]
internal sealed partial class AccountJson : JsonSerializerContext
{
    public static AccountJson Wire { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // Text as it is, as every other JSON service writes it: the answer is application/json and never sniffed as HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<Currency>(),
            new JsonStringEnumConverter<Period>(),
            new DecimalTextConverter(),
            new LastSeenConverter(),
        },
    });
}
