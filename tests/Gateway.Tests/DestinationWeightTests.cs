using System.Net;
using Microsoft.AspNetCore.Http;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Which of several instances gets a request, by its metadata: weight, zone, and what a route is pinned to.</summary>
public sealed class DestinationWeightTests
{
    private const int Draws = 20_000;

    private static Instance An(string id, params (string Name, string Value)[] metadata) =>
        new(id, new Uri($"http://{id}:80"), metadata.ToDictionary(entry => entry.Name, entry => entry.Value));

    private static Dictionary<string, int> Draw(string? zone, params Instance[] instances)
    {
        var service = new Service("a-service");
        service.Select(instances, zone);
        var balancer = new Balancer(new TestClock());
        return Enumerable.Range(0, Draws).Select(i => balancer.Choose(service, null, null, out _)!.Id).CountBy(id => id).ToDictionary();
    }

    /// <summary>Six standard deviations: a right balancer fails once in a billion runs, and one that is off by a twentieth always.</summary>
    private static void AssertShare(double share, int count)
    {
        var deviation = Math.Sqrt(Draws * share * (1 - share));
        Assert.InRange(count, (Draws * share) - (6 * deviation), (Draws * share) + (6 * deviation));
    }

    [Theory]
    [InlineData("10", 0.1 / 2.1)]
    [InlineData("50", 0.5 / 2.5)]
    [InlineData("100", 1.0 / 3)]
    [InlineData("1000", 1.0 / 3)] // more than all is all
    [InlineData("99999999999", 1.0 / 3)]
    [InlineData("-5", 1.0 / 201)] // a typing error makes no canary an equal of the others
    [InlineData("0.1", 1.0 / 201)]
    [InlineData("50%", 1.0 / 201)]
    [InlineData("much", 1.0 / 201)]
    [InlineData("", 1.0 / 201)]
    public void A_weight_is_the_share_of_the_requests(string weight, double share)
    {
        var counts = Draw(null, An("a"), An("b"), An("canary", ("weight", weight)));

        AssertShare(share, counts["canary"]);
        AssertShare((1 - share) / 2, counts["a"]);
    }

    [Fact]
    public void An_unusable_weight_takes_no_service_from_its_callers()
    {
        Assert.Equal(["only"], Draw(null, An("only", ("weight", "all"))).Keys);
        AssertShare(0.5, Draw(null, An("a", ("weight", "all")), An("b", ("weight", "0.9")))["a"]);
    }

    [Fact]
    public async Task An_unusable_weight_is_said_once_for_each_instance_and_value_and_not_without_end()
    {
        await using var door = await Door.OpenAsync();
        string[] Said() => [.. door.Gateway.Logs.Where(line => line.Contains("has the weight", StringComparison.Ordinal))];
        var canary = await door.AddAsync("account-service", null, null, null, ("weight", "0.1"));
        await Eventually.TrueAsync(() => Said().Length == 1, "it is said");
        Assert.Contains($"The instance {canary.Url.Authority} has the weight '0.1', which is no whole number from 0 to 100; it counts as 1", Said()[0], StringComparison.Ordinal);

        door.Registry.Change(canary, ("weight", "0.1"), ("version", "2"));
        await door.AddAsync("account-service", null, null, null, ("weight", "10"));
        door.Registry.Change(canary, ("weight", "1000"));
        await Eventually.TrueAsync(() => Said().Length == 2, "another one is said, and the same one not again");
        Assert.Contains("'1000', which is no whole number from 0 to 100; it counts as 100", Said()[1], StringComparison.Ordinal);

        var one = door.Registry.Current.Instances[0];
        door.Registry.Set([.. Enumerable.Range(0, 500).Select(i => one with { Id = $"i{i}", Metadata = new Dictionary<string, string> { ["weight"] = new('x', 1000) } })]);
        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("more instances have a weight", StringComparison.Ordinal)), "the rest is counted");
        Assert.InRange(Said().Length, 3, 20);
        Assert.DoesNotContain(door.Gateway.Logs, line => line.Contains(new string('x', 41), StringComparison.Ordinal));
    }

    [Fact]
    public void A_canary_keeps_its_share_while_the_others_are_busy()
    {
        var busy = An("busy");
        for (var i = 0; i < 100; i++) busy.Standing.Begin();

        AssertShare(10.0 / 110, Draw(null, busy, An("canary", ("weight", "10")))["canary"]);
    }

    [Fact]
    public void Of_two_drawn_the_one_with_less_to_do_is_taken()
    {
        var busy = An("busy");
        busy.Standing.Begin();

        var counts = Draw(null, busy, An("a"), An("b"), An("c"));

        Assert.False(counts.ContainsKey("busy")); // whoever is drawn beside it has less
    }

    [Fact]
    public void An_instance_of_weight_0_is_drained()
    {
        Assert.Equal(["a"], Draw(null, An("a"), An("drained", ("weight", "0"))).Keys);

        var selection = new Selection([An("drained", ("weight", "0"))], null);
        Assert.Null(selection.Available.Draw(null));
        Assert.False(selection.IsOpen);
    }

    [Fact]
    public void The_own_zone_comes_first_as_long_as_anybody_is_in_service_there()
    {
        var (near, alsoNear, far) = (An("near", ("zone", "west")), An("also-near", ("zone", "west")), An("far", ("zone", "east")));

        var counts = Draw("west", near, alsoNear, far, An("nowhere"));
        AssertShare(0.5, counts["near"]);
        Assert.Equal(2, counts.Count);
        Assert.Equal(4, Draw("north", near, alsoNear, far, An("nowhere")).Count);
        Assert.Equal(4, Draw(null, near, alsoNear, far, An("nowhere")).Count);

        near.Standing.Failed(near.Standing.Begin(), Trouble.Unreachable, false, TimeSpan.Zero);
        alsoNear.Standing.Failed(alsoNear.Standing.Begin(), Trouble.Unreachable, false, TimeSpan.Zero);
        var selection = new Selection([near, alsoNear, far], "west");
        Assert.Same(far, selection.Near.Draw(null));
    }

    [Fact]
    public void A_request_that_fails_in_the_own_zone_goes_to_another()
    {
        var (near, far) = (An("near", ("zone", "west")), An("far", ("zone", "east")));
        var service = new Service("a-service");
        service.Select([near, far], "west");

        Assert.Same(near, new Balancer(new TestClock()).Choose(service, null, null, out _));
        Assert.Same(far, new Balancer(new TestClock()).Choose(service, null, [near], out _));
    }

    [Fact]
    public async Task The_gateways_zone_is_that_of_its_own_metadata()
    {
        await using var door = await Door.OpenAsync(("mesh:registry:metadata:zone", "west"));
        await door.AddAsync("account-service", http => http.Response.WriteAsync("east"), null, null, ("zone", "east"));
        await door.AddAsync("account-service", http => http.Response.WriteAsync("west"), null, null, ("zone", "west"));

        for (var i = 0; i < 20; i++) Assert.Equal("west", await AskAsync(door, "/accounts/demo"));
    }

    [Fact]
    public async Task A_changed_weight_is_in_force_and_what_is_known_of_the_instance_stays()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", http => http.Response.WriteAsync("old"));
        var canary = await door.AddAsync("account-service", http => http.Response.WriteAsync("new"));
        var lists = (InstanceLists)door.Gateway.Services.GetService(typeof(InstanceLists))!;
        var standing = lists.Of("account-service").Single(instance => instance.Address == canary.Url).Standing;

        door.Registry.Change(canary, ("weight", "0"));

        await Eventually.TrueAsync(() => lists.Of("account-service").Any(instance => instance.Weight == 0), "the weight is known");
        Assert.Same(standing, lists.Of("account-service").Single(instance => instance.Weight == 0).Standing);
        for (var i = 0; i < 20; i++) Assert.Equal("old", await AskAsync(door, "/accounts/demo"));

        door.Registry.Change(canary);
        await Eventually.AnswersAsync(async () => await AskAsync(door, "/accounts/demo") == "new", "it is back");
    }

    [Fact]
    public async Task A_route_may_be_pinned_to_instances_by_metadata()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:canary:path", "/canary"), ("gateway:routes:canary:service", "account-service"), ("gateway:routes:canary:access", "public"),
            ("gateway:routes:canary:instances:version", "2"),
            ("gateway:routes:future:path", "/future"), ("gateway:routes:future:service", "account-service"), ("gateway:routes:future:access", "public"),
            ("gateway:routes:future:instances:version", "3"));
        await door.AddAsync("account-service", http => http.Response.WriteAsync("1"), null, null, ("version", "1"));
        await door.AddAsync("account-service", http => http.Response.WriteAsync("2"), null, null, ("version", "2"), ("weight", "1"));

        for (var i = 0; i < 20; i++) Assert.Equal("2", await AskAsync(door, "/canary"));
        await Eventually.AnswersAsync(async () => await AskAsync(door, "/accounts/demo") == "1", "the other route has both");
        using var nobody = await door.GetAsync("/future");
        await AccessTests.AssertProblem(nobody, 503, "temporarily_unavailable");
        Assert.Contains(door.Gateway.Logs, line => line.Contains("no instance of the service has the route's metadata", StringComparison.Ordinal));
    }

    private static async Task<string> AskAsync(Door door, string path)
    {
        using var answer = await door.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
