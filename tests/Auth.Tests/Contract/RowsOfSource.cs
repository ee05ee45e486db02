using System.Text.RegularExpressions;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>What no service may do anywhere: seen in the source, because no request would show it.</summary>
public sealed class RowsOfSource
{
    private static readonly string[] Projects = ["auth", "sdk", "account", "config", "discovery", "cli"];

    [Fact]
    public void N_02_nothing_reads_a_token_with_a_library_that_does_not_verify_it()
    {
        var reading = new Regex(@"ReadJsonWebToken|ReadJwtToken|ReadToken\(|new JsonWebToken\(|new JwtSecurityToken\(", RegexOptions.CultureInvariant);

        Assert.Empty(Lines([.. Projects, "gateway"], line => reading.IsMatch(line)));
    }

    [Fact]
    public void X_15_what_is_secret_or_stands_for_it_is_compared_in_constant_time()
    {
        // A name that says secret, hash, mac or digest beside a comparison that stops at the first difference.
        var secret = "[A-Za-z]*(?:[Ss]ecret|[Hh]ash|[Dd]igest|[Mm]ac)";
        var comparing = new Regex($@"\b{secret}\b(\.Value)?\s*(==|!=)\s*(?!null|""""|0)[A-Za-z_(]|\b{secret}\b\.(Equals|SequenceEqual)\(|SequenceEqual\({secret}\b", RegexOptions.CultureInvariant);

        var places = Lines(Projects, line => comparing.IsMatch(line) && !line.Contains("FixedTimeEquals", StringComparison.Ordinal)).Select(line => line.Split(": ")[0]);

        Assert.Equal(Harmless, places.Order(StringComparer.Ordinal));
    }

    // The form of a stored secret (none, or UAA's empty one), two readings of one request, and the hash of a token that the
    // caller holds itself.
    private static readonly string[] Harmless =
        ["auth/Authorize/Pkce.cs", "auth/Clients/BasicAuthentication.cs", "auth/Token/Grants/UserTokenGrant.cs", "auth/Token/RefreshFamilies.cs", "cli/Login/IdToken.cs"];

    private static IEnumerable<string> Lines(IEnumerable<string> projects, Func<string, bool> found) =>
        from project in projects
        from file in Directory.EnumerateFiles(Path.Combine(Checkout.Root, project), "*.cs", SearchOption.AllDirectories)
        where !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)
        from line in File.ReadLines(file)
        where !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && found(line)
        select Path.GetRelativePath(Checkout.Root, file) + ": " + line.Trim();
}
