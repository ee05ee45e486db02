using System.Text.Json;

namespace SecureMesh.Auth.Tests.Scim;

public sealed class UsersTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task A_user_is_made_read_changed_and_deleted_as_uaac_does_it()
    {
        var admin = await auth.AdminAsync();
        var made = await auth.CallAsync("POST", "uaa/Users", admin, """
            {"userName":"Marissa","password":"koala7","emails":[{"value":"marissa@test.org"}],"name":{"givenName":"M","familyName":"B"},"phoneNumbers":[{"value":"555"}],"displayName":"Mar"}
            """);
        Assert.Equal(201, made.Status);
        Assert.Equal("\"0\"", made.Headers.ETag!.Tag);
        var id = made.Text("id");
        Assert.Equal($"/uaa/Users/{id}", made.Headers.Location!.ToString());
        Assert.Equal("application/json", made.Content.ContentType!.MediaType);
        Assert.Equal("""[{"value":"marissa@test.org","primary":false}]""", made.Json.GetProperty("emails").GetRawText());
        Assert.Equal("uaa", made.Text("origin"));
        Assert.True(made.Json.GetProperty("verified").GetBoolean());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", made.Json.GetProperty("meta").GetProperty("created").GetString());
        var groups = made.Json.GetProperty("groups").EnumerateArray().ToDictionary(group => group.GetProperty("display").GetString()!, group => group.GetProperty("value").GetString());
        Assert.Contains("openid", groups.Keys);
        Assert.Equal(groups["uaa.user"], (await auth.GetAsync($"uaa/Users/{id}", admin)).Json.GetProperty("groups").EnumerateArray()
            .Single(group => group.GetProperty("display").GetString() == "uaa.user").GetProperty("value").GetString());
        foreach (var hidden in new[] { "koala7", "pbkdf2", "\"salt\"", "\"password\"" }) Assert.DoesNotContain(hidden, made.Body, StringComparison.Ordinal);

        // As uaac sends a whole row back: members that it does not know in lower case.
        var put = await auth.CallAsync("PUT", $"uaa/Users/{id}", admin, $$"""
            {"id":"{{id}}","meta":{"version":0,"created":"2025-01-31T10:00:00.000Z","lastmodified":"x"},"userName":"marissa","name":{"givenName":"Maria","familyname":"B"},
             "emails":[{"value":"marissa@test.org","primary":false}],"groups":[],"approvals":[{"userid":"x","clientid":"y"}],"active":true,"verified":true,"origin":"uaa",
             "zoneId":"uaa","passwordlastmodified":"2025-01-31T10:00:00.000Z","previouslogontime":1,"lastlogontime":2,"aliasid":null,"schemas":["urn:scim:schemas:core:1.0"]}
            """, ("If-Match", "0"));
        Assert.True(put.Status == 200, put.Body);
        Assert.Equal("\"1\"", put.Headers.ETag!.Tag);
        Assert.Equal("""{"familyName":"B","givenName":"Maria"}""", put.Json.GetProperty("name").GetRawText());
        Assert.Equal("[]", put.Json.GetProperty("phoneNumbers").GetRawText());
        Assert.Equal(200, (await auth.SignInAsync("marissa", "koala7")).Status);

        var patched = await auth.CallAsync("PATCH", $"uaa/Users/{id}", admin, """{"active":false,"meta":{"attributes":["name"]}}""", ("If-Match", "\"1\""));
        Assert.Equal(200, patched.Status);
        Assert.Equal("{}", patched.Json.GetProperty("name").GetRawText());
        Assert.Equal("marissa@test.org", patched.Json.GetProperty("emails")[0].GetProperty("value").GetString());
        Assert.Equal(401, (await auth.SignInAsync("marissa", "koala7")).Status);
        // A PATCH that does not name it lets nobody in again.
        Assert.False((await auth.CallAsync("PATCH", $"uaa/Users/{id}", admin, """{"displayName":"x"}""", ("If-Match", "*"))).Json.GetProperty("active").GetBoolean());

        var deleted = await auth.CallAsync("DELETE", $"uaa/Users/{id}", admin);
        Assert.Equal(200, deleted.Status);
        Assert.Equal(id, deleted.Text("id"));
        var gone = await auth.GetAsync($"uaa/Users/{id}", admin);
        Assert.Equal(404, gone.Status);
        Assert.Equal($$"""{"error":"scim_resource_not_found","message":"User {{id}} does not exist","error_description":"User {{id}} does not exist"}""", gone.Body);
    }

    [Fact]
    public async Task A_write_over_a_version_that_is_no_more_is_a_409()
    {
        var admin = await auth.AdminAsync();
        var id = await auth.UserAsync("versioned");
        Task<Reply> Put(params (string, string)[] headers) =>
            auth.CallAsync("PUT", $"uaa/Users/{id}", admin, """{"userName":"versioned","emails":[{"value":"versioned@example.org"}]}""", headers);

        Assert.Equal((400, "Missing If-Match for PUT"), await Of(Put()));
        Assert.Equal((400, "Invalid version match header (should be a version number): x"), await Of(Put(("If-Match", "x"))));
        Assert.Equal(200, (await Put(("If-Match", "0"))).Status);
        var stale = await Put(("If-Match", "0"));
        Assert.Equal((409, "scim_resource_conflict"), (stale.Status, stale.Text("error")));
        Assert.Equal(409, (await auth.CallAsync("DELETE", $"uaa/Users/{id}", admin, null, ("If-Match", "0"))).Status);
        Assert.Equal(200, (await auth.CallAsync("DELETE", $"uaa/Users/{id}", admin, null, ("If-Match", "1"))).Status);

        static async Task<(int, string)> Of(Task<Reply> reply) => ((await reply).Status, (await reply).Text("message"));
    }

    [Fact]
    public async Task Users_are_listed_filtered_sorted_and_paged()
    {
        var admin = await auth.AdminAsync();
        foreach (var name in new[] { "Lister.a", "Lister.b", "Lister.c" }) await auth.UserAsync(name);
        async Task<JsonElement> List(string filter, string more = "")
        {
            var reply = await auth.GetAsync("uaa/Users?startIndex=&count=" + more + "&filter=" + Uri.EscapeDataString(filter), admin);
            Assert.True(reply.Status == 200, reply.Body);
            return reply.Json;
        }
        async Task<string[]> Names(string filter, string more = "&sortBy=userName") =>
            [.. (await List(filter, more)).GetProperty("resources").EnumerateArray().Select(user => user.GetProperty("userName").GetString()!)];

        Assert.Equal(["Lister.a"], await Names("userName eq \"LISTER.A\""));
        Assert.Equal(["Lister.a", "Lister.c"], await Names("username Eq 'lister.a' OR USERNAME eq \"lister.c\""));
        Assert.Equal(["Lister.b", "Lister.c"], await Names("(userName sw \"lister.\" and not_x eq \"y\") or (userName co \"er.b\") or emails.value eq \"lister.c@EXAMPLE.org\"".Replace(" and not_x eq \"y\"", " and active eq false", StringComparison.Ordinal)));
        Assert.Equal(["Lister.c", "Lister.b", "Lister.a"], await Names("userName sw \"lister\" and active eq true and email pr and meta.version eq 0", "&sortBy=userName&sortOrder=descending"));
        var page = await auth.GetAsync("uaa/Users?attributes=id,USERNAME,emails.value&startIndex=2&count=1&sortBy=userName&filter=userName+sw+%22lister%22", admin);
        var row = page.Json.GetProperty("resources")[0];
        Assert.Equal(["id", "userName", "emails"], row.EnumerateObject().Select(member => member.Name));
        Assert.Equal("""[{"value":"Lister.b@example.org"}]""", row.GetProperty("emails").GetRawText());
        Assert.Equal((2, 1, 3), (page.Json.GetProperty("startIndex").GetInt32(), page.Json.GetProperty("itemsPerPage").GetInt32(), page.Json.GetProperty("totalResults").GetInt32()));
        Assert.Equal(["urn:scim:schemas:core:1.0"], page.Json.Texts("schemas"));
    }

    [Theory]
    [InlineData("password_hash pr")]
    [InlineData("passwordHash eq \"x\"")]
    [InlineData("password eq \"demo\"")]
    [InlineData("salt pr")]
    [InlineData("zone_id eq \"other\"")]
    [InlineData("zoneId pr")]
    [InlineData("userName eq \"x\" or 1=1")]
    [InlineData("userName eq \"x\"; DROP TABLE users")]
    [InlineData("userName eq \"x\"--")]
    [InlineData("userName eq x")]
    [InlineData("userName eq")]
    [InlineData("userName")]
    [InlineData("userName eq \"x")]
    [InlineData("(userName pr")]
    [InlineData("userName pr)")]
    [InlineData("userName pr or")]
    [InlineData("active co \"t\"")]
    [InlineData("active eq \"maybe\"")]
    [InlineData("created gt \"soon\"")]
    [InlineData("userName like \"x\"")]
    [InlineData("<script>alert(1)</script>")]
    public async Task V_022_a_filter_is_of_the_grammar_and_the_listed_names_or_is_refused(string filter)
    {
        var reply = await auth.GetAsync("uaa/Users?filter=" + Uri.EscapeDataString(filter), await auth.AdminAsync());

        Assert.Equal((400, "scim"), (reply.Status, reply.Text("error")));
        Assert.StartsWith("Invalid filter expression: [", reply.Text("message"), StringComparison.Ordinal);
        Assert.DoesNotContain("<", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task V_022_V_113_no_filter_and_no_id_reaches_a_user_of_another_zone()
    {
        var admin = await auth.AdminAsync();
        await auth.ExecuteAsync("""
            INSERT INTO users (id, zone_id, origin, user_name, user_name_key, email, salt, active, verified, demo, created_at, updated_at, password_changed_at)
            SELECT 'foreign-id', 'other', 'uaa', 'foreigner', 'foreigner', 'f@example.org', 's', active, verified, demo, 1, 1, 1 FROM users WHERE user_name = 'demo'
            """);
        foreach (var filter in new[] { "userName eq \"foreigner\"", "id eq \"foreign-id\"", "id pr or userName pr", "userName eq \"x\" or id eq \"foreign-id\"", "userName eq \"' OR '1'='1\"", "email eq \"f@example.org\\\" or id pr\"" })
            Assert.DoesNotContain("foreign-id", (await auth.GetAsync("uaa/Users?count=500&filter=" + Uri.EscapeDataString(filter), admin)).Body, StringComparison.Ordinal);
        Assert.Equal(404, (await auth.GetAsync("uaa/Users/foreign-id", admin)).Status);
        Assert.Equal(404, (await auth.CallAsync("DELETE", "uaa/Users/foreign-id", admin)).Status);
        Assert.Equal(404, (await auth.CallAsync("PATCH", "uaa/Users/foreign-id", admin, """{"active":false}""", ("If-Match", "*"))).Status);
        Assert.Equal(401, (await auth.CallAsync("PUT", "uaa/Users/foreign-id/password", admin, """{"password":"geheim8"}""")).Status);
        Assert.Equal(404, (await auth.CallAsync("PATCH", "uaa/Users/foreign-id/status", admin, """{"locked":false}""")).Status);
        Assert.Equal(1, await auth.ExecuteAsync("DELETE FROM users WHERE id = 'foreign-id'"));
        // The id of the body counts no more than the one of the path.
        var mine = await auth.UserAsync("bodyid");
        Assert.Equal(400, (await auth.CallAsync("PATCH", $"uaa/Users/{mine}", admin, """{"id":"another"}""", ("If-Match", "*"))).Status);
    }

    [Fact]
    public async Task V_017_V_074_users_change_their_own_names_and_nothing_that_others_trust()
    {
        var id = await auth.UserAsync("selfish");
        var own = (await auth.SignInAsync("selfish", "geheim7", "openid")).AccessToken;
        Task<Reply> Patch(string json) => auth.CallAsync("PATCH", $"uaa/Users/{id}", own, json, ("If-Match", "*"));

        Assert.Equal(200, (await auth.GetAsync($"uaa/Users/{id}", own)).Status);
        foreach (var json in new[]
        {
            """{"emails":[{"value":"victim@example.org"}]}""", """{"userName":"demo2"}""", """{"verified":false}""", """{"active":false}""", """{"externalId":"e"}""",
        })
        {
            var refused = await Patch(json);
            Assert.Equal((403, "invalid_self_edit"), (refused.Status, refused.Text("error")));
        }
        Assert.Equal(200, (await Patch("""{"name":{"givenName":"Selma"}}""")).Status);
        Assert.Equal("""{"familyName":"F","givenName":"Selma"}""", (await auth.GetAsync($"uaa/Users/{id}", own)).Json.GetProperty("name").GetRawText());
        // Another user's is not his at all.
        var other = await auth.UserAsync("another");
        Assert.Equal(403, (await auth.GetAsync($"uaa/Users/{other}", own)).Status);
        Assert.Equal(403, (await auth.CallAsync("PATCH", $"uaa/Users/{other}", own, "{}", ("If-Match", "*"))).Status);
        Assert.Equal(403, (await auth.CallAsync("DELETE", $"uaa/Users/{id}", own)).Status);
        // Nor does a user who is not verified verify himself with a token from before.
        await auth.ExecuteAsync($"UPDATE users SET verified = @no WHERE id = '{id}'");
        Assert.Equal(401, (await Patch("""{"verified":true}""")).Status);
        Assert.Equal(401, (await auth.CallAsync("GET", $"uaa/Users/{id}/verify", own)).Status);
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE users SET verified = NOT verified WHERE id = '{id}' AND verified = @no"));
    }

    [Fact]
    public async Task V_038_O_07_an_id_is_never_used_again_and_dies_with_its_tokens()
    {
        var admin = await auth.AdminAsync();
        var first = await auth.UserAsync("phoenix");
        var signedIn = await auth.SignInAsync("phoenix", "geheim7", "openid");
        Assert.Equal(200, (await auth.CallAsync("DELETE", $"uaa/Users/{first}", admin)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        var second = await auth.UserAsync("phoenix");

        Assert.NotEqual(first, second);
        Assert.Equal(second, (await auth.SignInAsync("phoenix", "geheim7", "openid")).Claims.GetProperty("sub").GetString());
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signedIn.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(signedIn.RefreshToken)).Status);
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE revocations SET because = because WHERE kind = 'user' AND subject = '{first}' AND because = 'user deleted'"));
    }

    [Theory]
    [InlineData("""{"active":false}""", "user deactivated")]
    [InlineData("""{"verified":false}""", "user no longer verified")]
    [InlineData("""{"userName":"renamed1"}""", "user name or email changed")]
    [InlineData("""{"emails":[{"value":"new@example.org"}]}""", "user name or email changed")]
    public async Task T_11_what_a_change_takes_away_ends_tokens_and_renewable_sign_ins(string change, string because)
    {
        var name = "ended" + Math.Abs(change.GetHashCode(StringComparison.Ordinal));
        var id = await auth.UserAsync(name);
        var signedIn = await auth.SignInAsync(name, "geheim7", "openid");
        Assert.Equal(200, (await auth.CallAsync("PATCH", $"uaa/Users/{id}", await auth.AdminAsync(), change, ("If-Match", "*"))).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signedIn.AccessToken)).Status);
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE refresh_families SET revoked_because = revoked_because WHERE user_id = '{id}' AND revoked_because = '{because}'"));
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE revocations SET because = because WHERE kind = 'user' AND subject = '{id}' AND because = '{because}'"));
        Assert.Equal(401, (await auth.RefreshAsync(signedIn.RefreshToken)).Status);
    }

    [Theory]
    [InlineData("""{"userName":"","password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7","emails":[]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7","emails":[{"value":"a@b.c"},{"value":"d@e.f"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7","emails":[{"value":"nobody"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7","emails":"a@b.c"}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"b d","password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"current","password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":7,"password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","password":"geheim7","emails":[{"value":"a@b.c"}],"admin":true}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","USERNAME":"two","password":"geheim7","emails":[{"value":"a@b.c"}]}""", "invalid_scim_resource")]
    [InlineData("""{"userName":"bad","emails":[{"value":"a@b.c"}]}""", "invalid_password")]
    [InlineData("""{"userName":"bad","password":"five5","emails":[{"value":"a@b.c"}]}""", "invalid_password")]
    [InlineData("[]", "invalid_request")]
    [InlineData("""{"userName":"\ud800"}""", "invalid_request")]
    public async Task V_018_a_faulty_user_is_refused_and_no_address_is_made_up(string body, string error)
    {
        var reply = await auth.CallAsync("POST", "uaa/Users/", await auth.AdminAsync(), body);

        Assert.Equal((400, error), (reply.Status, reply.Text("error")));
        Assert.Equal(reply.Text("message"), reply.Text("error_description"));
    }

    [Fact]
    public async Task A_taken_name_is_a_409_also_by_a_change()
    {
        var admin = await auth.AdminAsync();
        var id = await auth.UserAsync("second");
        var taken = await auth.CallAsync("POST", "uaa/Users", admin, """{"userName":"DEMO","password":"geheim7","emails":[{"value":"a@b.c"}]}""");
        Assert.Equal((409, "scim_resource_already_exists", "Username already in use: DEMO"), (taken.Status, taken.Text("error"), taken.Text("message")));
        Assert.Equal(409, (await auth.CallAsync("PATCH", $"uaa/Users/{id}", admin, """{"userName":"Demo"}""", ("If-Match", "*"))).Status);
    }

    [Fact]
    public async Task Paths_differ_by_case_as_users_and_registrations_do()
    {
        Assert.Equal(405, (await auth.GetAsync("uaa/users", await auth.AdminAsync())).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/Users", await auth.AdminAsync())).Status);
        Assert.Equal(404, (await auth.GetAsync("uaa/USERS", await auth.AdminAsync())).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/Users", (await auth.SignInAsync()).AccessToken)).Status);
    }

    [Fact]
    public async Task Ids_of_names_are_for_scim_userids_alone()
    {
        var admin = await auth.AdminAsync();
        var id = await auth.UserAsync("lookedup");
        async Task<Reply> Ids(string filter) => await auth.GetAsync("uaa/ids/Users?attributes=id,userName,origin&startIndex=1&filter=" + Uri.EscapeDataString(filter), admin);

        Assert.Equal($$"""[{"id":"{{id}}","userName":"lookedup","origin":"uaa"}]""", (await Ids("userName eq \"LookedUp\" or userName eq \"nobody\"")).Json.GetProperty("resources").GetRawText());
        Assert.Equal("Invalid filter attribute.", (await Ids("email eq \"x\"")).Text("message"));
        Assert.Equal("Wildcards are not allowed in filter.", (await Ids("userName sw \"l\"")).Text("message"));
        Assert.Equal("Wildcards are not allowed in filter.", (await Ids("userName pr")).Text("message"));
        Assert.Equal("Invalid operator.", (await Ids("userName gt \"l\"")).Text("message"));
        Assert.Equal("a 'filter' parameter is required", (await auth.GetAsync("uaa/ids/Users", admin)).Text("message"));
        Assert.Equal(403, (await auth.GetAsync("uaa/ids/Users?filter=id+pr", await auth.CallerAsync("superuser", "uaa.admin"))).Status);
        await auth.CallAsync("PATCH", $"uaa/Users/{id}", admin, """{"active":false}""", ("If-Match", "*"));
        Assert.Equal(0, (await Ids("userName eq \"lookedup\"")).Json.GetProperty("totalResults").GetInt32());
    }
}
