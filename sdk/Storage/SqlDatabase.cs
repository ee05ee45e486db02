using System.Data.Common;
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

    private SqlDatabase(NpgsqlDataSource? postgres, string? sqlite) => (_postgres, _sqlite) = (postgres, sqlite);

    /// <summary>Which engine answers.</summary>
    public SqlEngine Engine => _postgres is null ? SqlEngine.Sqlite : SqlEngine.PostgreSql;

    /// <summary>Opens a PostgreSQL database; nothing is asked of it yet.</summary>
    /// <param name="connectionString">Npgsql connection string; its <c>Search Path</c> names the schema.</param>
    public static SqlDatabase PostgreSql(string connectionString) => new(NpgsqlDataSource.Create(connectionString), null);

    /// <summary>Opens a SQLite file; it is created at the first use, readable by its owner alone.</summary>
    /// <param name="path">Path of the file; its folder must exist.</param>
    public static SqlDatabase Sqlite(string path)
    {
        var builder = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 10, ForeignKeys = true };
        return new(null, builder.ConnectionString);
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
            pragma.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=10000;";
            await pragma.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>SQLite gives its journal files the mode of the database file, so that is what is created here.</summary>
    private static void KeepPrivate(string path)
    {
        if (OperatingSystem.IsWindows() || File.Exists(path) || !Directory.Exists(Path.GetDirectoryName(path))) return;
        try
        {
            new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else created it first; a folder that cannot be written is told by the database itself.
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
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    /// <summary>Closes the pool.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null) await _postgres.DisposeAsync();
    }
}
