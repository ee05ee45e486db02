using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Login;

/// <summary>A refusal for people: fixed texts, nothing of the request (V-028, V-121). Programs get the same refusal as JSON.</summary>
internal sealed class ErrorPage(OAuthError error) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (!Prefers.Html(httpContext.Request)) return error.ExecuteAsync(httpContext);
        var page = new PageResult<Message>(new()
        {
            [nameof(Message.Title)] = error.Status >= 500 ? "Not now" : "This cannot go on",
            [nameof(Message.Text)] = Text,
            [nameof(Message.Failed)] = true,
            [nameof(Message.LinkAddress)] = Addresses.Home,
            [nameof(Message.LinkText)] = "To the start page",
        })
        {
            Status = error.Status,
            RetryAfter = error.RetryAfter,
        };
        return page.ExecuteAsync(httpContext);
    }

    private string Text => error switch
    {
        { Code: "transaction_ended" } => "This sign-in was completed already, took too long, or was begun in another browser. Go back to the application and start again.",
        { Code: "form_outdated" } => "The page was open for too long, or the form did not come from it. Go back, load the page again and repeat what you did.",
        { Code: "invalid_client" } => "The application that sent you here is not known. Its operators find the reason under invalid_client.",
        { Code: "invalid_grant" } => "The application wants its answer at an address that is not registered for it. Its operators find the reason under invalid_grant.",
        { Code: "invalid_request_uri" } => "The request of the application was used already or waited for too long. Go back to the application and start again.",
        { Status: 429 } => "There were too many attempts from your address. Wait a while and try again.",
        { Status: >= 500 } => "Too many people want in at this moment. Try again in a few seconds.",
        _ => "Your browser sent a request that cannot be read. Go back and try again.",
    };

    public static ErrorPage TransactionEnded() =>
        new(new OAuthError(400, "transaction_ended", "The authorization request has ended or belongs to another browser"));

    public static ErrorPage FormOutdated() =>
        new(new OAuthError(403, "form_outdated", $"The field {Antiforgery.Field} is missing or not that of this page"));
}
