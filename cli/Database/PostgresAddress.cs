using Npgsql;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Database;

/// <summary>Reads what an operator gives as <c>--database</c>: <c>Host=…;Username=…</c>, or the URL form of libpq.</summary>
internal static class PostgresAddress
{
    /// <exception cref="MeshStartException">It is neither; the message does not repeat it, for it may hold a password.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        try
        {
            var builder = Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "postgres" or "postgresql"
                ? OfUrl(url)
                : new NpgsqlConnectionStringBuilder(text);
            if (string.IsNullOrEmpty(builder.Host)) throw new ArgumentException("it names no host");
            if (string.IsNullOrEmpty(builder.Database)) builder.Database = builder.Username;
            return builder;
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new MeshStartException(
                "--database (or MESH_DATABASE) is no connection string: write Host=db;Port=5432;Database=mesh;Username=admin;Password=... or postgresql://admin:...@db:5432/mesh.");
        }
    }

    private static NpgsqlConnectionStringBuilder OfUrl(Uri url)
    {
        var builder = new NpgsqlConnectionStringBuilder { Host = url.Host, Port = url.Port > 0 ? url.Port : 5432 };
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0) builder.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length == 2) builder.Password = Uri.UnescapeDataString(user[1]);
        if (url.AbsolutePath.Length > 1) builder.Database = Uri.UnescapeDataString(url.AbsolutePath[1..]);
        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            var name = parts[0] switch { "sslmode" => "SSL Mode", "sslrootcert" => "Root Certificate", _ => parts[0] };
            builder[name] = Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? "").Replace("-", "", StringComparison.Ordinal);
        }

        return builder;
    }
}
