using System.Data.Common;
using System.Net.Sockets;
using System.Reflection;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace SecureMesh.Sdk;

/// <summary>Brings the schema up to date before anything else starts, and waits for a database that is away or locked.</summary>
internal sealed partial class Migrator(SqlDatabase database, Assembly migrations, TimeProvider time, ILogger<Migrator> logger) : IHostedLifecycleService
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    // The codes are those of SQLite (sqlite.org/rescode.html) and of PostgreSQL's manual, appendix A.
    private static readonly int[] NoSqliteFile = [8 /* READONLY */, 11 /* CORRUPT */, 14 /* CANTOPEN */, 26 /* NOTADB */];
    private static readonly string[] Refusals = ["28P01", "28000", "3D000", "3F000"];

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        var pause = ShortestPause;
        long? began = null, logged = null;
        while (true)
        {
            try
            {
                // SQLite works on the calling thread and may wait there for its lock: a stop must not wait with it.
                await Task.Run(() => SqlMigrations.ApplyAsync(database, migrations, time, cancellationToken), cancellationToken).WaitAsync(cancellationToken);
                if (began is { } since) Log.Reached(logger, time.GetElapsedTime(since).TotalSeconds);
                return;
            }
            catch (Exception e) when (e is DbException or SocketException or TimeoutException)
            {
                if (NeedsOperator(e)) throw new MeshStartException($"the database cannot be used: {e.Message}", e);
                began ??= time.GetTimestamp();
                if (logged is not { } last || time.GetElapsedTime(last) >= BetweenLines)
                {
                    logged = time.GetTimestamp();
                    Log.Waiting(logger, e.Message.ReplaceLineEndings(" "));
                }
            }
            await Task.Delay(pause, time, cancellationToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>True when trying again changes nothing: a wrong password, no such database or schema, a file that is no database.</summary>
    internal static bool NeedsOperator(Exception exception) => exception switch
    {
        PostgresException e => Refusals.Contains(e.SqlState),
        SqliteException e => NoSqliteFile.Contains(e.SqliteErrorCode),
        _ => false,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.DatabaseWaiting, LogLevel.Error, "The database does not serve, the start waits for it: {Reason}")]
        public static partial void Waiting(ILogger logger, string reason);

        [LoggerMessage(EventIds.DatabaseReached, LogLevel.Information, "The database serves after {Seconds:0.0} s")]
        public static partial void Reached(ILogger logger, double seconds);
    }
}
