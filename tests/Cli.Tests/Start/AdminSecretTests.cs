using SecureMesh.Cli.Start;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Start;

public sealed class AdminSecretTests : IDisposable
{
    private const string Postgres = "Host=db;Port=5432;Database=mesh;Username=admin;Password=one";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_was_shown_for_the_sqlite_database_that_lies_in_the_folder()
    {
        AdminSecret.NoteShown(_folder.Path, null);
        Assert.False(AdminSecret.WasShown(_folder.Path, null)); // the database was removed: there is no client admin

        _folder.Write("auth-service/auth.db", "");
        Assert.True(AdminSecret.WasShown(_folder.Path, null));
        Assert.False(AdminSecret.WasShown(_folder.Path, Postgres));
    }

    [Theory]
    [InlineData("Host=db;Database=mesh;Username=other;Password=two", true)]
    [InlineData("postgresql://admin:one@DB/mesh", true)]
    [InlineData("Host=db2;Port=5432;Database=mesh;Username=admin;Password=one", false)]
    [InlineData("Host=db;Port=5433;Database=mesh;Username=admin;Password=one", false)]
    [InlineData("Host=db;Port=5432;Database=fresh;Username=admin;Password=one", false)]
    [InlineData(null, false)]
    public void It_was_shown_for_one_database_and_not_for_another(string? database, bool shown)
    {
        _folder.Write("auth-service/auth.db", "");
        AdminSecret.NoteShown(_folder.Path, Postgres);

        Assert.Equal(shown, AdminSecret.WasShown(_folder.Path, database));
    }

    [Fact]
    public void The_note_holds_neither_the_address_nor_a_password_and_is_for_its_owner_alone()
    {
        AdminSecret.NoteShown(_folder.Path, "Host=db.example;Database=mesh;Username=admin;Password=s3cret");

        var note = Path.Combine(_folder.Path, "admin-secret-was-shown");
        Assert.DoesNotContain("s3cret", File.ReadAllText(note), StringComparison.Ordinal);
        Assert.DoesNotContain("db.example", File.ReadAllText(note), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(note));
    }

    [Fact]
    public void A_note_of_no_database_counts_for_none()
    {
        _folder.Write("auth-service/auth.db", "");
        _folder.Write("admin-secret-was-shown", "The secret of the client admin was shown on the terminal.\n");

        Assert.False(AdminSecret.WasShown(_folder.Path, null));
        Assert.Throws<MeshStartException>(() => AdminSecret.WasShown(_folder.Path, "no connection string"));
    }
}
