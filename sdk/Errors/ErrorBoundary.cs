using System.Data.Common;
using System.Net.Sockets;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>
/// The one place where an exception ends: a request that cannot be read becomes its 4xx, a caller who left becomes nothing,
/// all else one logged error and a bare 500. Error statuses without a body get one.
/// </summary>
internal sealed partial class ErrorBoundary(IErrorDialect dialect, ILogger<ErrorBoundary> logger) : IDeveloperPageExceptionFilter
{
    /// <summary>What nginx logs when the client closed the connection; nobody receives it.</summary>
    private const int ClientClosedRequest = 499;

    // Result codes of SQLite (sqlite.org/rescode.html): of a file that another process holds, and of a disk that is full or fails.
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8; // what Linux makes of a disk that fails
    private const int IoError = 10;
    private const int Full = 13;
    private const int CannotOpen = 14;

    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            // NUL is no part of any name or value here; databases and file systems refuse it in ways of their own.
            if (http.Request.QueryString.Value?.Contains("%00", StringComparison.Ordinal) == true)
                http.Response.StatusCode = StatusCodes.Status400BadRequest;
            else
                await next(http);
            if (IsBare(http)) await dialect.WriteAsync(http, StatusProblems.For(http.Response.StatusCode));
        }
        catch (Exception e)
        {
            await AnswerAsync(http, e);
        }
    }

    /// <summary>The developer page would show stack traces and headers to the caller; the mesh answers alike everywhere.</summary>
    public Task HandleExceptionAsync(ErrorContext errorContext, Func<ErrorContext, Task> next) =>
        AnswerAsync(errorContext.HttpContext, errorContext.Exception);

    private async Task AnswerAsync(HttpContext http, Exception exception)
    {
        if (http.RequestAborted.IsCancellationRequested && IsOfTheConnection(exception))
        {
            if (!http.Response.HasStarted) http.Response.StatusCode = ClientClosedRequest;
            return;
        }
        var problem = StatusProblems.For(StatusOf(exception));
        if (problem.Status >= 500) Log.Unhandled(logger, exception);
        else Log.BadRequest(logger, problem.Status, exception.Message);
        if (http.Response.HasStarted)
        {
            http.Abort(); // the caller must not take half an answer for a whole one
            return;
        }
        http.Response.Clear();
        try
        {
            await dialect.WriteAsync(http, problem);
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested && IsOfTheConnection(e))
        {
            // The caller left while the error was being written.
        }
    }

    private static bool IsBare(HttpContext http)
    {
        var response = http.Response;
        return response is { HasStarted: false, StatusCode: >= 400 and < 600, ContentLength: null, ContentType: null or "" }
            && http.GetEndpoint()?.Metadata.GetMetadata<OwnErrors>() is null;
    }

    private static bool IsOfTheConnection(Exception exception) =>
        exception is OperationCanceledException or IOException or SocketException or BadHttpRequestException;

    private static int StatusOf(Exception exception) => exception switch
    {
        BadHttpRequestException e => e.StatusCode,
        // Thrown by the framework's form reader for too many or too long keys; the same type from elsewhere is our fault.
        InvalidDataException { Source: "Microsoft.AspNetCore.WebUtilities" or "Microsoft.AspNetCore.Http" } => StatusCodes.Status400BadRequest,
        // The database is away or overloaded: the same request may succeed later.
        DbException { IsTransient: true } or SqliteException { SqliteErrorCode: Busy or Locked or ReadOnly or IoError or Full or CannotOpen } => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.Unhandled, LogLevel.Error, "The request failed")]
        public static partial void Unhandled(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.BadRequest, LogLevel.Information, "Answered {Status}: {Cause}")]
        public static partial void BadRequest(ILogger logger, int status, string cause);
    }
}
