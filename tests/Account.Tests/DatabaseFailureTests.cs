using Npgsql;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class DatabaseFailureTests
{
    [Fact]
    public async Task While_the_database_is_away_answers_are_503_and_afterwards_all_is_as_before()
    {
        await using var mesh = await AccountMesh.PrepareAsync(SqlEngine.PostgreSql);
        var database = new NpgsqlConnectionStringBuilder(mesh.Settings["mesh:database"]);
        using var cable = new Cable(database.Host!, database.Port);
        (database.Host, database.Port) = ("127.0.0.1", cable.Port);
        mesh.Settings["mesh:database"] = database.ConnectionString;
        mesh.StartService();
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        cable.PullOut();
        var read = await mesh.GetAsync("/accounts/current", mesh.User("alice1"));
        var saved = await mesh.PutAsync($$"""{"saving":{{AccountMesh.Saving}}}""", mesh.User("alice1"));
        var registered = await mesh.RegisterAsync("""{"username":"bob1","password":"secret1"}""");

        foreach (var answer in new[] { read, saved, registered })
            Assert.Equal((503, "temporarily_unavailable", "application/problem+json"), (answer.Status, answer.Error, answer.MediaType));
        Assert.False(mesh.Auth.Users.ContainsKey("bob1"));
        (await mesh.GetAsync("/actuator/health")).Expect(503);

        cable.PlugInAgain();
        (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200);
        (await mesh.RegisterAsync("""{"username":"bob1","password":"secret1"}""")).Expect(200);
    }

    [Fact]
    public async Task A_registration_during_which_the_database_goes_away_is_undone_when_it_is_back()
    {
        await using var mesh = await AccountMesh.PrepareAsync(SqlEngine.PostgreSql);
        var database = new NpgsqlConnectionStringBuilder(mesh.Settings["mesh:database"]);
        using var cable = new Cable(database.Host!, database.Port);
        (database.Host, database.Port) = ("127.0.0.1", cable.Port);
        mesh.Settings["mesh:database"] = database.ConnectionString;
        mesh.StartService();
        mesh.Auth.Creates.Enqueue(Auth.WorksButHangs);

        var registering = mesh.RegisterAsync(AccountMesh.Alice);
        await mesh.Auth.NextRequestAsync();
        cable.PullOut();
        mesh.Clock.Advance(TimeSpan.FromSeconds(4)); // the second attempt works
        (await registering).Expect(503);
        Assert.Single(mesh.Auth.Users);

        cable.PlugInAgain();
        mesh.Clock.Advance(TimeSpan.FromSeconds(75));
        await AccountMesh.EventuallyAsync(async () => await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts") == 0);
        Assert.Empty(mesh.Auth.Users);
    }
}
