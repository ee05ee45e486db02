using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class CurrentAccountTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_save_replaces_the_whole_content_and_answers_with_an_empty_body(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        mesh.Clock.Advance(TimeSpan.FromSeconds(7));

        // As the browser page sends it: amounts as strings, members of its own.
        var saved = await mesh.PutAsync(
            """
            {"name":"mallory","lastSeen":"1999-01-01T00:00:00.000+0000","note":"Привет <b>","unknown":{"a":[1]},
             "incomes":[{"income_id":1,"converted":12,"title":"Salary","amount":"42000.50","currency":"USD","period":"YEAR","icon":"wallet"}],
             "expenses":[{"title":"Rent","amount":1300,"currency":"EUR","period":"MONTH","icon":""}],
             "saving":{"amount":"5900","capitalization":true,"deposit":false,"currency":"RUB","interest":"3.32"}}
            """,
            mesh.User("alice1"));

        Assert.Equal((200, ""), (saved.Status, saved.Body));
        var account = (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200).Json;
        Assert.Equal("alice1", account.GetProperty("name").GetString());
        Assert.Equal("Привет <b>", account.GetProperty("note").GetString());
        Assert.Equal(mesh.Clock.GetUtcNow().ToUnixTimeMilliseconds(), account.GetProperty("lastSeen").GetDateTimeOffsetOfWire().ToUnixTimeMilliseconds());
        Assert.Equal("""[{"title":"Salary","amount":42000.50,"currency":"USD","period":"YEAR","icon":"wallet"}]""", account.GetProperty("incomes").GetRawText());
        Assert.Equal("""[{"title":"Rent","amount":1300,"currency":"EUR","period":"MONTH","icon":""}]""", account.GetProperty("expenses").GetRawText());
        Assert.Equal("""{"amount":5900,"currency":"RUB","interest":3.32,"deposit":false,"capitalization":true}""", account.GetProperty("saving").GetRawText());

        (await mesh.PutAsync($$"""{"incomes":[],"saving":{{AccountMesh.Saving}}}""", mesh.User("alice1"))).Expect(200);
        account = (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200).Json;
        Assert.Equal(("[]", "null", "null"), (account.GetProperty("incomes").GetRawText(), account.GetProperty("expenses").GetRawText(), account.GetProperty("note").GetRawText()));
    }

    [Theory]
    [InlineData("3.32", "3.32")]
    [InlineData("1.50", "1.50")]
    [InlineData("-0.10", "-0.10")]
    [InlineData("1e3", "1e3")]
    [InlineData("1E-38", "1E-38")]
    [InlineData("1234567890123456789012345678.9876543210", "1234567890123456789012345678.9876543210")]
    [InlineData("\"3.32\"", "3.32")]
    [InlineData("\" 007.50 \"", "7.50")]
    [InlineData("\"+.5\"", "0.5")]
    [InlineData("\"12.\"", "12")]
    public async Task A_number_comes_back_as_it_was_given(string given, string kept)
    {
        await using var mesh = await AccountMesh.StartAsync();

        var account = await mesh.SavedAsync($$$"""{"saving":{"amount":{{{given}}},"currency":"USD","interest":0,"deposit":true,"capitalization":true}}""");

        Assert.Contains($"\"amount\":{kept},", account, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("\"\"")]
    [InlineData("\".\"")]
    [InlineData("\"e5\"")]
    [InlineData("\"1,5\"")]
    [InlineData("\"0x10\"")]
    [InlineData("\"NaN\"")]
    [InlineData("\"١٢\"")]
    [InlineData("1e39")]
    [InlineData("1e-999999999")]
    [InlineData("123456789012345678901234567890123456789")]
    [InlineData("\"0000000000000000000000000000000000000000000000000000000000000000001\"")]
    public async Task What_is_no_decimal_or_an_absurd_one_is_refused(string given)
    {
        await using var mesh = await AccountMesh.StartAsync();
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        var answer = await mesh.PutAsync($$$"""{"saving":{"amount":{{{given}}},"currency":"USD","interest":0,"deposit":true,"capitalization":true}}""", mesh.User("alice1"));

        Assert.Equal("saving.amount", Assert.Single(answer.Expect(400).Json.GetProperty("errors").EnumerateObject()).Name);
    }

    [Theory]
    [InlineData("""{}""", "saving")]
    [InlineData("""{"saving":null}""", "saving")]
    [InlineData("""{"saving":[]}""", "saving")]
    [InlineData("""{"saving":{"amount":1,"currency":"usd","interest":1,"deposit":true,"capitalization":true}}""", "saving.currency")]
    [InlineData("""{"saving":{"amount":1,"currency":0,"interest":1,"deposit":true,"capitalization":true}}""", "saving.currency")]
    [InlineData("""{"saving":{"amount":1,"currency":"USD","interest":1,"deposit":"yes","capitalization":true}}""", "saving.deposit")]
    [InlineData("""{"saving":SAVING,"incomes":{}}""", "incomes")]
    [InlineData("""{"saving":SAVING,"incomes":[null]}""", "incomes[0]")]
    [InlineData("""{"saving":SAVING,"note":5}""", "note")]
    [InlineData("""{"saving":SAVING,"expenses":[{"title":"","amount":1,"currency":"USD","period":"DAY","icon":"a"}]}""", "expenses[0].title")]
    [InlineData("""{"saving":SAVING,"expenses":[{"title":"a23456789012345678901","amount":1,"currency":"USD","period":"DAY","icon":"a"}]}""", "expenses[0].title")]
    [InlineData("""{"saving":SAVING,"expenses":[{"title":"a","amount":1,"currency":"USD","period":"WEEK","icon":"a"}]}""", "expenses[0].period")]
    [InlineData("""{"saving":SAVING,"expenses":[{"title":"a","amount":1,"currency":"USD","period":"DAY"}]}""", "expenses[0].icon")]
    public async Task A_save_that_breaks_a_rule_changes_nothing_and_names_the_field(string json, string field)
    {
        await using var mesh = await AccountMesh.StartAsync();
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        var before = await mesh.GetAsync("/accounts/current", mesh.User("alice1"));

        var answer = await mesh.PutAsync(json.Replace("SAVING", AccountMesh.Saving, StringComparison.Ordinal), mesh.User("alice1"));

        Assert.Equal((400, "application/problem+json"), (answer.Status, answer.MediaType));
        Assert.Equal(field, Assert.Single(answer.Json.GetProperty("errors").EnumerateObject()).Name);
        Assert.Equal(before.Body, (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Body);
    }

    [Fact]
    public async Task A_note_has_20000_characters_and_a_list_500_items_at_most()
    {
        await using var mesh = await AccountMesh.StartAsync();
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        const string item = """{"title":"a","amount":1,"currency":"USD","period":"DAY","icon":"a"}""";
        string Body(int note, int items) => $$"""{"saving":{{AccountMesh.Saving}},"note":"{{new string('n', note)}}","incomes":[{{string.Join(',', Enumerable.Repeat(item, items))}}]}""";

        (await mesh.PutAsync(Body(20_000, 500), mesh.User("alice1"))).Expect(200);
        var answer = await mesh.PutAsync(Body(20_001, 501), mesh.User("alice1"));

        Assert.Equal(["incomes", "note"], answer.Expect(400).Json.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Fact]
    public async Task Thousands_of_faults_make_a_short_answer()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answer = await mesh.PutAsync($$"""{"incomes":[{{string.Join(',', Enumerable.Repeat("{}", 500))}}]}""", mesh.User("alice1"));

        Assert.Equal(50, answer.Expect(400).Json.GetProperty("errors").EnumerateObject().Count());
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Of_saves_at_once_one_wins_whole(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(async n => (await mesh.PutAsync(
            $$$"""{"note":"{{{n}}}","saving":{"amount":{{{n}}},"currency":"USD","interest":{{{n}}},"deposit":true,"capitalization":true}}""",
            mesh.User("alice1"))).Expect(200)));

        var account = (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200).Json;
        var note = account.GetProperty("note").GetString();
        Assert.Equal(note, account.GetProperty("saving").GetProperty("amount").GetRawText());
        Assert.Equal(note, account.GetProperty("saving").GetProperty("interest").GetRawText());
    }

    [Fact]
    public async Task Who_has_no_account_reads_404_and_saves_400_with_an_empty_body()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var read = await mesh.GetAsync("/accounts/current", mesh.User("nobody1"));
        var saved = await mesh.PutAsync($$"""{"saving":{{AccountMesh.Saving}}}""", mesh.User("nobody1"));
        var client = await mesh.GetAsync("/accounts/current", mesh.Issuer.ClientToken("app", "ui"));

        Assert.Equal((404, "not_found"), (read.Status, read.Error));
        Assert.Equal((400, ""), (saved.Status, saved.Body));
        Assert.Equal((404, "not_found"), (client.Status, client.Error));
    }
}

internal static class WireDates
{
    public static DateTimeOffset GetDateTimeOffsetOfWire(this System.Text.Json.JsonElement json) => DateTimeOffset.ParseExact(
        json.GetString()!, "yyyy-MM-dd'T'HH:mm:ss.fff'+0000'", System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal);
}
