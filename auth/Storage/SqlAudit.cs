using System.Data;
using System.Data.Common;
using System.Text;
using Dapper;
using SecureMesh.Auth.Audit;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlAudit(SqlDatabase database) : IAuditRows
{
    public Task AddAsync(IReadOnlyList<AuditRow> rows, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // Under the row's lock, so that numbers appear in the order of commits, and without a gap.
            var last = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                "UPDATE audit_sequence SET last = last + @count WHERE id = 1 RETURNING last", new { count = rows.Count }, transaction, cancellationToken: cancellationToken));
            // One statement for all: a round for each row would hold the lock for long.
            await using var command = connection.CreateCommand();
            command.Transaction = transaction;
            var sql = new StringBuilder("INSERT INTO audit_events (sequence, at, type, zone_id, client_id, user_id, token_id, session_id, address, reason, trace_id) VALUES ");
            for (var i = 0; i < rows.Count; i++)
            {
                var (entry, at, trace) = rows[i];
                sql.Append(i == 0 ? "(" : ", (");
                Add(command, sql, $"a{i}", DbType.Int64, last - rows.Count + 1 + i, first: true);
                Add(command, sql, $"b{i}", DbType.Int64, at.Milliseconds());
                Add(command, sql, $"c{i}", DbType.String, entry.Type);
                Add(command, sql, $"d{i}", DbType.String, entry.ZoneId);
                Add(command, sql, $"e{i}", DbType.String, entry.ClientId);
                Add(command, sql, $"f{i}", DbType.String, entry.UserId);
                Add(command, sql, $"g{i}", DbType.String, entry.TokenId);
                Add(command, sql, $"h{i}", DbType.String, entry.SessionId);
                Add(command, sql, $"i{i}", DbType.String, entry.Address?.ToString());
                Add(command, sql, $"j{i}", DbType.String, entry.Reason);
                Add(command, sql, $"k{i}", DbType.String, trace);
                sql.Append(')');
            }
            command.CommandText = sql.ToString();
            return await command.ExecuteNonQueryAsync(cancellationToken);
        }, cancellationToken);

    private static void Add(DbCommand command, StringBuilder sql, string name, DbType type, object? value, bool first = false)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.DbType, parameter.Value) = (name, type, value ?? DBNull.Value);
        command.Parameters.Add(parameter);
        sql.Append(first ? "@" : ", @").Append(name);
    }
}
