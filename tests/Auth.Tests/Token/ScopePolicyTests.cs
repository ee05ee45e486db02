using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Tests.Token;

public sealed class ScopePolicyTests
{
    [Theory]
    [InlineData("scim.read", "scim.read", true)]
    [InlineData("scim.read", "scim.Read", false)]
    [InlineData("*.read", "scim.read", true)]
    [InlineData("*.read", "a.b.read", false)]
    [InlineData("*", "ui", true)]
    [InlineData("*", "scim.read", false)]
    [InlineData("zones.*.admin", "zones.abc.admin", true)]
    [InlineData("zones.*.admin", "zones..admin", false)]
    [InlineData("zones.a*c.admin", "zones.abc.admin", true)]
    [InlineData("zones.a*c.admin", "zones.abd.admin", false)]
    [InlineData("a*a", "a", false)]
    [InlineData("a*b*c", "axbxc", true)]
    [InlineData("a*b*c", "axc", false)]
    public void A_star_stands_for_one_run_without_dots(string pattern, string scope, bool matches)
    {
        Assert.Equal(matches, ScopePolicy.Matches(pattern, scope));
    }

    [Theory]
    [InlineData("scim.read scim.write zones.abc.admin openid ui uaa.none", "app,scim,zones.abc,openid,mesh://gateway")]
    [InlineData("ui", "app,mesh://gateway")]
    [InlineData("uaa.admin", "app,uaa,mesh://gateway")]
    [InlineData("app.read", "app,mesh://gateway")]
    public void The_audience_is_what_stands_before_the_last_dot_of_each_scope(string scopes, string audience)
    {
        Assert.Equal(audience.Split(','), AccessTokens.Audience("app", scopes.Split(' ')));
    }

    [Fact]
    public void X_02_descriptions_hold_printable_ASCII_without_quotes_and_backslashes()
    {
        Assert.Equal("a?b?c??d?", OAuthError.Printable("a\"b\\c\r\nd\u00fc"));
        Assert.Equal(200, OAuthError.Printable(new string('a', 5000)).Length);
    }
}
