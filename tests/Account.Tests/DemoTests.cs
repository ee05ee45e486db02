using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class DemoTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task The_demo_account_is_seeded_once_and_keeps_what_its_user_saved(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine, ("mesh:demo", "true"));

        var seeded = (await mesh.GetAsync("/accounts/demo")).Expect(200).Json;
        Assert.Equal("demo", seeded.GetProperty("name").GetString());
        Assert.Equal(
            """[{"title":"Salary","amount":42000,"currency":"USD","period":"YEAR","icon":"wallet"},{"title":"Scholarship","amount":500,"currency":"USD","period":"MONTH","icon":"edu"}]""",
            seeded.GetProperty("incomes").GetRawText());
        Assert.Equal(7, seeded.GetProperty("expenses").GetArrayLength());
        Assert.Equal("""{"title":"Vacation","amount":3500,"currency":"EUR","period":"YEAR","icon":"island"}""", seeded.GetProperty("expenses")[4].GetRawText());
        Assert.Equal("""{"amount":5900,"currency":"USD","interest":3.32,"deposit":true,"capitalization":false}""", seeded.GetProperty("saving").GetRawText());
        Assert.Equal("demo note", seeded.GetProperty("note").GetString());

        (await mesh.PutAsync($$"""{"note":"mine","saving":{{AccountMesh.Saving}}}""", mesh.User("demo"))).Expect(200);
        await mesh.StopServiceAsync();
        mesh.StartService();
        Assert.Equal("mine", (await mesh.GetAsync("/accounts/demo")).Json.GetProperty("note").GetString());
    }

    [Fact]
    public async Task Without_the_demo_there_is_no_demo_account()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answer = await mesh.GetAsync("/accounts/demo");

        Assert.Equal((404, "not_found"), (answer.Status, answer.Error));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Data_of_a_demo_is_refused_without_it_until_the_demo_is_removed(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine, ("mesh:demo", "true"));
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        await mesh.StopServiceAsync();
        mesh.Settings["mesh:demo"] = "false";

        var (code, _, error) = await mesh.RunProgramAsync();
        Assert.Equal("cannot start: the account data holds demo accounts: start with a fresh --data folder or database, or remove them with: ./mesh remove-demo (and the same --data or --database)\n", error);
        Assert.Equal(78, code);
        Assert.Equal((0, "removed 1 demo accounts\n", ""), await mesh.RunProgramAsync("--remove-demo"));

        mesh.StartService();
        (await mesh.GetAsync("/accounts/demo")).Expect(404);
        (await mesh.GetAsync("/accounts/alice1", mesh.Server())).Expect(200);
    }
}
