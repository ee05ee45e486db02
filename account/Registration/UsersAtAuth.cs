using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

/// <summary>Creates users at auth and takes them back, with this service's own token for auth (scope <c>server</c>).</summary>
internal sealed partial class UsersAtAuth(IHttpClientFactory clients, TimeProvider time, ILogger<UsersAtAuth> logger)
{
    public const string ClientName = "auth-service";

    /// <summary>Creates a user; asked again with the same key, auth answers for the first time again.</summary>
    public async Task<UserAnswer> CreateAsync(string username, string password, string key, TimeSpan limit)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/uaa/users");
        request.Headers.Add("Idempotency-Key", key);
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new NewUser(username, password), UserJson.Default.NewUser));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return await SendAsync(request, limit) switch
        {
            (_, HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent) => UserAnswer.Done,
            (_, HttpStatusCode.Conflict) => UserAnswer.Exists,
            (_, HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity) => UserAnswer.Refused,
            (_, >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError) => UserAnswer.NotDone,
            (_, not null) => UserAnswer.Unknown,
            (false, null) => UserAnswer.NotDone,
            (true, null) => UserAnswer.Unanswered,
        };
    }

    /// <summary>Takes back the user that was created with the key; a user of that name created otherwise stays.</summary>
    /// <returns>True when it is certain that no such user exists.</returns>
    public async Task<bool> UndoAsync(string username, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/uaa/users/" + Uri.EscapeDataString(username));
        request.Headers.Add("Idempotency-Key", key);
        // 404: never created, or taken back already. 409 and 412: the user of that name has another key.
        return await SendAsync(request, RegistrationOptions.UndoTimeout) is (_, HttpStatusCode.OK or HttpStatusCode.NoContent or HttpStatusCode.NotFound
            or HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed);
    }

    /// <returns>Whether the request may have reached auth, and the status when it answered.</returns>
    private async Task<(bool Sent, HttpStatusCode? Status)> SendAsync(HttpRequestMessage request, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        try
        {
            using var response = await clients.CreateClient(ClientName).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if (response.StatusCode >= HttpStatusCode.BadRequest) Log.Refused(logger, request.Method.Method, (int)response.StatusCode);
            return (true, response.StatusCode);
        }
        catch (HttpRequestException e)
        {
            Log.Failed(logger, request.Method.Method, e);
            // Without a token or a connection nothing was sent.
            return (e is not { InnerException: TokenException } and not { HttpRequestError: HttpRequestError.ConnectionError }, null);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested)
        {
            Log.Failed(logger, request.Method.Method, e);
            return (true, null);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.UserCallFailed, LogLevel.Warning, "{Method} of a user at auth was not answered")]
        public static partial void Failed(ILogger logger, string method, Exception exception);

        [LoggerMessage(EventIds.UserCallRefused, LogLevel.Information, "{Method} of a user at auth was answered with {Status}")]
        public static partial void Refused(ILogger logger, string method, int status);
    }
}

/// <summary>What is known after auth was asked to create a user.</summary>
internal enum UserAnswer
{
    /// <summary>The user exists and is ours.</summary>
    Done,

    /// <summary>A user of that name existed before.</summary>
    Exists,

    /// <summary>Auth does not accept the name or the password.</summary>
    Refused,

    /// <summary>Not created, for a reason that is not the caller's.</summary>
    NotDone,

    /// <summary>Auth failed: created or not, but it is over.</summary>
    Unknown,

    /// <summary>No answer came: created or not, or still to be.</summary>
    Unanswered,
}

internal sealed record NewUser(string Username, string Password)
{
    public override string ToString() => Username;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NewUser))]
internal sealed partial class UserJson : JsonSerializerContext;
