using System.Text.Json;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Login;

/// <summary>
/// <c>/uaa/oauth/confirm_access</c>: what the application may do. The question and the answer belong to one person, one session
/// and one authorization request (V-033).
/// </summary>
internal sealed class ConsentEndpoint(
    IAuthorizationTransactions transactions, ISessions sessions, IApprovals approvals, ScopePolicy policy, Antiforgery antiforgery)
{
    private const string Purpose = "consent";

    public async Task<IResult> PageAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var question = await AskAsync(http, Goal.OfQuery(http.Request), cancellationToken);
        if (!question.IsSuccess) return Refused(question.Error);
        var (transaction, session, user, shown, decisions) = question.Value;
        if (shown.Count == 0) return new SeeOther(Addresses.With(Addresses.Resume, "transaction", transaction.Id));
        var token = antiforgery.Token(http, Purpose, transaction.Id, session.Id);
        if (!Prefers.Html(http.Request)) return new Answer(json => Write(json, question.Value, token));

        var client = transaction.Client;
        var logo = ClientImage.Https(client.Metadata.LogoUri);
        return new PageResult<Consent>(new()
        {
            [nameof(Consent.Action)] = Addresses.Consent,
            [nameof(Consent.Token)] = token,
            [nameof(Consent.Transaction)] = transaction.Id,
            [nameof(Consent.ClientName)] = client.Name,
            [nameof(Consent.ClientLogo)] = logo,
            [nameof(Consent.Policy)] = ClientImage.Https(client.Metadata.PolicyUri),
            [nameof(Consent.Terms)] = ClientImage.Https(client.Metadata.TosUri),
            [nameof(Consent.UserName)] = user.UserName,
            [nameof(Consent.Destination)] = transaction.RedirectOrigin,
            [nameof(Consent.Scopes)] = ScopeWords.Of(shown),
            [nameof(Consent.Approved)] = decisions.Approved.Except(shown, StringComparer.Ordinal).ToArray(),
            [nameof(Consent.Resources)] = transaction.Resources,
        })
        {
            FormTarget = transaction.RedirectOrigin,
            Image = logo,
        };
    }

    public async Task<IResult> PostAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return new ErrorPage(form.Error);
        var question = await AskAsync(http, Goal.Of(form.Value), cancellationToken);
        if (!question.IsSuccess) return Refused(question.Error);
        var (transaction, session, user, shown, decisions) = question.Value;
        if (!antiforgery.IsGood(http, form.Value[Antiforgery.Field], Purpose, transaction.Id, session.Id)) return ErrorPage.FormOutdated();

        // Only what was asked can be agreed to, whatever the form says.
        var ticked = Enumerable.Range(0, shown.Count + 1).Select(i => form.Value[$"scope.{i}"]).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var approved = shown.Where(scope => ticked.Contains("scope." + scope)).ToArray();
        var before = decisions.Approved.Except(shown, StringComparer.Ordinal).ToArray();
        if (form.Value["user_oauth_approval"] != "true" || (approved.Length == 0 && before.Length == 0))
        {
            if (!await transactions.DenyAsync(http, transaction.Id, cancellationToken)) return ErrorPage.TransactionEnded();
        }
        else
        {
            await approvals.DecideAsync(user, transaction.Client, approved, [.. shown.Except(approved, StringComparer.Ordinal)], cancellationToken);
            if (!await transactions.MarkConsentedAsync(http, transaction.Id, session, [.. approved, .. before], cancellationToken))
                return ErrorPage.TransactionEnded();
        }
        return new SeeOther(Addresses.With(Addresses.Resume, "transaction", transaction.Id));
    }

    private async Task<Result<Question, OAuthError>> AskAsync(HttpContext http, Goal goal, CancellationToken cancellationToken)
    {
        var ended = new OAuthError(400, "transaction_ended", "The authorization request has ended or belongs to another browser");
        if (goal.Transaction is not { } id || await transactions.FindAsync(http, id, cancellationToken) is not { } transaction) return ended;
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, user)) return new OAuthError(401, "login_required", "Nobody is signed in");
        var held = await policy.ForUserAsync(transaction.Client, user, transaction.Scopes, cancellationToken);
        if (!held.IsSuccess) return new Question(transaction, session, user, [], new Decisions([], [], []));
        var decisions = await approvals.DecisionsAsync(user, transaction.Client, held.Value, cancellationToken);
        // With prompt=consent everything is asked anew.
        var shown = transaction.Prompt.Contains("consent", StringComparer.Ordinal) ? held.Value : decisions.Undecided;
        return new Question(transaction, session, user, shown, decisions);
    }

    // The sign-in may have ended meanwhile: the request decides anew what it needs.
    private static IResult Refused(OAuthError error) => error.Code == "login_required" ? new SeeOther(Addresses.Home) : new ErrorPage(error);

    // UAA's JSON form of the page (uaa.md §2.3).
    private static void Write(Utf8JsonWriter json, Question question, string token)
    {
        var (transaction, _, _, shown, decisions) = question;
        json.WriteString("message", "To confirm or deny access POST to the following locations with the parameters requested.");
        json.WriteStartArray("scopes");
        foreach (var scope in shown)
        {
            json.WriteStartObject();
            json.WriteString("code", "scope." + scope);
            json.WriteString("text", ScopeWords.Of(scope));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("auth_request");
        json.WriteString("clientId", transaction.Client.Id);
        json.WriteString("scope", Words.Join(transaction.Scopes));
        json.WriteString("transaction", transaction.Id);
        json.WriteEndObject();
        json.WriteString("redirect_uri", transaction.RedirectOrigin);
        json.WriteString("client_display_name", transaction.Client.Name);
        List(json, "approved_scopes", decisions.Approved);
        List(json, "denied_scopes", decisions.Denied);
        List(json, "undecided_scopes", shown);
        json.WriteString(Antiforgery.Field, token);
        json.WriteStartObject("options");
        Option(json, "confirm", "true");
        Option(json, "deny", "false");
        json.WriteEndObject();
    }

    private static void Option(Utf8JsonWriter json, string name, string value)
    {
        json.WriteStartObject(name);
        json.WriteString("location", Addresses.Consent);
        json.WriteString("path", Addresses.Consent);
        json.WriteString("key", "user_oauth_approval");
        json.WriteString("value", value);
        json.WriteEndObject();
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> scopes)
    {
        json.WriteStartArray(name);
        foreach (var scope in scopes)
        {
            json.WriteStartObject();
            json.WriteString("code", "scope." + scope);
            json.WriteString("text", ScopeWords.Of(scope));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private sealed record Question(AuthorizationTransaction Transaction, Session Session, User User, IReadOnlyList<string> Shown, Decisions Decisions);
}
