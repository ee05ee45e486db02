using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace SecureMesh.Sdk;

/// <summary>The engine behind a <see cref="SqlDatabase"/>.</summary>
public enum SqlEngine
{
    /// <summary>A file of this service, write-ahead log on.</summary>
    Sqlite,

    /// <summary>A schema of its own in a PostgreSQL database, shared by all instances of the service.</summary>
    PostgreSql,
}

/// <summary>A service's own database: SQLite by default, PostgreSQL by one setting, the same SQL on both.</summary>
public sealed class SqlDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource? _postgres;
    private readonly string? _sqlite;
    private readonly TimeSpan _busy;
    private readonly ConditionalWeakTable<DbTransaction, List<Action>> _afterCommit = [];
    private bool _private;

    private SqlDatabase(NpgsqlDataSource? postgres, string? sqlite, TimeSpan busy = default) => (_postgres, _sqlite, _busy) = (postgres, sqlite, busy);

    /// <summary>Which engine answers.</summary>
    public SqlEngine Engine => _postgres is null ? SqlEngine.Sqlite : SqlEngine.PostgreSql;

    /// <summary>Opens a PostgreSQL database; nothing is asked of it yet.</summary>
    /// <param name="connectionString">Npgsql connection string; its <c>Search Path</c> names the schema.</param>
    public static SqlDatabase PostgreSql(string connectionString) => new(NpgsqlDataSource.Create(connectionString), null);

    /// <summary>Opens a SQLite file; it is created at the first use, readable by its owner alone.</summary>
    /// <param name="path">Path of the file; its folder must exist.</param>
    public static SqlDatabase Sqlite(string path) => Sqlite(path, TimeSpan.FromSeconds(10));

    /// <param name="path">Path of the file; its folder must exist.</param>
    /// <param name="busy">How long a command waits for the lock of another one, in whole seconds.</param>
    internal static SqlDatabase Sqlite(string path, TimeSpan busy)
    {
        var builder = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = (int)busy.TotalSeconds, ForeignKeys = true };
        return new(null, builder.ConnectionString, busy);
    }

    /// <summary>Opens a connection; dispose it to give it back to the pool.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<DbConnection> OpenAsync(CancellationToken cancellationToken = default)
    {
        if (_postgres is not null) return await _postgres.OpenConnectionAsync(cancellationToken);
        var connection = new SqliteConnection(_sqlite);
        KeepPrivate(connection.DataSource);
        try
        {
            await connection.OpenAsync(cancellationToken);
            await using var pragma = connection.CreateCommand();
            // FULL: a commit that was answered is on the disk, also after a power cut.
            pragma.CommandText = $"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout={_busy.TotalMilliseconds:0};";
            await pragma.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>SQLite gives new journal files the mode of the database file; those that are there already are tightened, once.</summary>
    private void KeepPrivate(string path)
    {
        if (_private || OperatingSystem.IsWindows() || !Directory.Exists(Path.GetDirectoryName(path))) return;
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            if (!File.Exists(path))
                new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = ownerOnly }).Dispose();
            foreach (var file in new[] { path, path + "-wal", path + "-shm" }.Where(File.Exists))
                if (File.GetUnixFileMode(file) != ownerOnly) File.SetUnixFileMode(file, ownerOnly);
            _private = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else created it first or owns it; a file or folder that cannot be written is told by the database itself.
        }
    }

    /// <summary>Runs work in one transaction: committed when it returns, rolled back when it throws.</summary>
    /// <param name="work">The work; it gets the open connection and the transaction, which its commands must name.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <remarks>On SQLite the write lock is taken at the start, so two writers queue instead of failing half-way.</remarks>
    public async Task<T> WriteAsync<T>(Func<DbConnection, DbTransaction, Task<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var result = await work(connection, transaction);
        try
        {
            await transaction.CommitAsync(cancellationToken);
        }
        finally
        {
            if (_afterCommit.TryGetValue(transaction, out var actions))
                foreach (var action in actions) action();
        }
        return result;
    }

    /// <summary>Runs an action once the transaction of <see cref="WriteAsync"/> has been committed, before its caller goes on.</summary>
    /// <param name="transaction">The transaction, as the work got it.</param>
    /// <param name="action">The action, short; it must not throw.</param>
    /// <remarks>
    /// It also runs when the commit fails, because a commit whose answer is lost may have happened: the action must be right in
    /// either case, as forgetting something cached is. It does not run when the work itself throws.
    /// </remarks>
    public void AfterCommit(DbTransaction transaction, Action action)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        ArgumentNullException.ThrowIfNull(action);
        _afterCommit.GetOrCreateValue(transaction).Add(action);
    }

    /// <summary>Closes the pool.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null) await _postgres.DisposeAsync();
    }
}
