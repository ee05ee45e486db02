using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Scim;

public sealed class PasswordTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task T_11_a_new_password_ends_every_token_and_sign_in_of_the_user_and_nobody_elses()
    {
        var id = await auth.UserAsync("changer");
        var before = await auth.SignInAsync("changer", "geheim7", "openid");
        var bystander = await auth.SignInAsync(scope: "openid");
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", before.AccessToken)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        var changed = await Set(id, await auth.AdminAsync(), """{"password":"geheim8"}""");
        Assert.Equal((200, """{"status":"ok","message":"password updated"}"""), (changed.Status, changed.Body));

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", before.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(before.RefreshToken)).Status);
        Assert.Equal(401, (await auth.SignInAsync("changer", "geheim7")).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync("changer", "geheim8", "openid")).AccessToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", bystander.AccessToken)).Status);
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE refresh_families SET revoked_because = revoked_because WHERE user_id = '{id}' AND revoked_because = 'password changed'"));
        Assert.Equal(1, await auth.ExecuteAsync($"UPDATE revocations SET because = because WHERE kind = 'user' AND subject = '{id}' AND not_before IS NOT NULL"));
    }

    [Fact]
    public async Task Users_change_their_own_with_the_old_one()
    {
        var id = await auth.UserAsync("owner");
        var own = (await auth.SignInAsync("owner", "geheim7", "password.write", "app:appclientsecret")).AccessToken;
        var other = await auth.UserAsync("notmine");

        Assert.Equal((400, "invalid_password", "Previous password is required"), await Of(Set(id, own, """{"password":"geheim8"}""")));
        Assert.Equal((401, "unauthorized", "Old password is incorrect"), await Of(Set(id, own, """{"password":"geheim8","oldPassword":"wrong"}""")));
        Assert.Equal((422, "invalid_password", "Your new password cannot be the same as the old password."), await Of(Set(id, own, """{"password":"geheim7","oldPassword":"geheim7"}""")));
        Assert.Equal((400, "invalid_password", "Not permitted to change another user's password"), await Of(Set(other, own, """{"password":"geheim8","oldPassword":"geheim7"}""")));
        Assert.Equal(200, (await Set(id, own, """{"password":"geheim8","oldPassword":"geheim7"}""")).Status);
        Assert.Equal(401, (await Set(id, own, """{"password":"geheim9","oldPassword":"geheim8"}""")).Status);
    }

    [Fact]
    public async Task A_stolen_token_is_no_way_to_try_passwords()
    {
        var id = await auth.UserAsync("tried");
        var own = (await auth.SignInAsync("tried", "geheim7", "password.write", "app:appclientsecret")).AccessToken;
        for (var i = 0; i < 5; i++) Assert.Equal(401, (await Set(id, own, """{"password":"geheim8","oldPassword":"wrong"}""")).Status);

        var locked = await Set(id, own, """{"password":"geheim8","oldPassword":"geheim7"}""");
        Assert.Equal((401, "Your account has been locked because of too many failed attempts to login."), (locked.Status, locked.Text("error_description")));
        var unlocked = await auth.CallAsync("PATCH", $"uaa/Users/{id}/status", await auth.AdminAsync(), """{"locked":false}""");
        Assert.Equal((200, """{"locked":false}"""), (unlocked.Status, unlocked.Body));
        Assert.Equal(200, (await Set(id, own, """{"password":"geheim8","oldPassword":"geheim7"}""")).Status);
    }

    [Fact]
    public async Task T_06_V_077_a_password_is_whole_or_refused()
    {
        var id = await auth.UserAsync("policed");
        var admin = await auth.AdminAsync();
        Assert.Equal((400, "invalid_password", "Password must be at least 6 characters in length."), await Of(Set(id, admin, """{"password":"five5"}""")));
        Assert.Equal((400, "invalid_password", "Password must be at least 6 characters in length."), await Of(Set(id, admin, "{}")));
        Assert.Equal((400, "invalid_password", "Password must be no more than 128 characters in length."), await Of(Set(id, admin, $$"""{"password":"{{new string('x', 129)}}"}""")));
        var longest = new string('y', 128);
        Assert.Equal(200, (await Set(id, admin, $$"""{"password":"{{longest}}"}""")).Status);
        // 72 bytes are where bcrypt stops reading.
        Assert.Equal(401, (await auth.SignInAsync("policed", longest[..72])).Status);
        Assert.Equal(401, (await auth.SignInAsync("policed", longest[..73] + "z")).Status);
        Assert.Equal(401, (await auth.SignInAsync("policed", longest[..127])).Status);
        Assert.Equal(200, (await auth.SignInAsync("policed", longest)).Status);
    }

    [Fact]
    public async Task The_policy_is_a_setting()
    {
        await using var strict = await DemoAuth.StartAsync(settings: [("auth:users:passwordPolicy:minLength", "8"), ("auth:users:passwordPolicy:requireDigit", "1"), ("auth:users:passwordPolicy:requireUpperCaseCharacter", "2")]);
        var made = await strict.CallAsync("POST", "uaa/Users", await strict.AdminAsync(), """{"userName":"weak","password":"weak","emails":[{"value":"a@b.c"}]}""");
        Assert.Equal("Password must be at least 8 characters in length.,Password must contain at least 2 uppercase characters.,Password must contain at least 1 digit characters.", made.Text("message"));
    }

    [Fact]
    public async Task Strict_uaa_admin_does_not_stand_for_password_write()
    {
        var id = await auth.UserAsync("guarded");
        var superuser = await auth.CallerAsync("superuser", "uaa.admin,scim.write");
        var refused = await Set(id, superuser, """{"password":"geheim8"}""");
        Assert.Equal(403, refused.Status);
        Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"password.write"}""", refused.Body);
        Assert.Equal((401, "bad_credentials", "Invalid password change request"), await Of(Set("missing", await auth.AdminAsync(), """{"password":"geheim8"}""")));
    }

    [Fact]
    public async Task Who_must_change_the_password_signs_in_no_more_until_it_is_changed()
    {
        var id = await auth.UserAsync("expired");
        var admin = await auth.AdminAsync();
        Assert.Equal(400, (await auth.CallAsync("PATCH", $"uaa/Users/{id}/status", admin, """{"locked":true}""")).Status);
        Assert.Equal(400, (await auth.CallAsync("PATCH", $"uaa/Users/{id}/status", admin, """{"passwordChangeRequired":false}""")).Status);
        Assert.Equal(403, (await auth.CallAsync("PATCH", $"uaa/Users/{id}/status", (await auth.SignInAsync()).AccessToken, """{"locked":false}""")).Status);
        Assert.Equal(200, (await auth.CallAsync("PATCH", $"uaa/Users/{id}/status", admin, """{"passwordChangeRequired":true}""")).Status);

        var refused = await auth.SignInAsync("expired", "geheim7");
        Assert.Equal((401, "password change required"), (refused.Status, refused.Text("error_description")));
        Assert.Equal(200, (await Set(id, admin, """{"password":"geheim8"}""")).Status);
        Assert.Equal(200, (await auth.SignInAsync("expired", "geheim8")).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_116_who_must_change_the_password_is_signed_out_everywhere_because_others_may_know_it(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        await using var other = await own.AnotherAsync();
        var id = await own.UserAsync("leaked");
        var signIn = await own.SignInAsync("leaked", "geheim7");
        var browser = new Browser(own);
        await browser.SignInAsync("leaked", "geheim7");
        Assert.Contains("leaked", (await browser.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        own.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(200, (await own.CallAsync("PATCH", $"uaa/Users/{id}/status", await own.AdminAsync(), """{"passwordChangeRequired":true}""")).Status);

        Assert.Equal(401, (await own.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        Assert.NotEqual(200, (await own.RefreshAsync(signIn.RefreshToken)).Status);
        Assert.NotEqual(200, (await other.RefreshAsync(signIn.RefreshToken)).Status);
        Assert.DoesNotContain("leaked", (await browser.GetAsync("uaa/")).Body, StringComparison.Ordinal);
    }

    private Task<Reply> Set(string id, string bearer, string json) => auth.CallAsync("PUT", $"uaa/Users/{id}/password", bearer, json);

    private static async Task<(int, string, string)> Of(Task<Reply> reply) => ((await reply).Status, (await reply).Text("error"), (await reply).Text("error_description"));
}
