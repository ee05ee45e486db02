// How long something that was revoked is still accepted, while requests come at a steady rate to every gateway and every service.
//   Revocation AUTH GATEWAYS SERVICES COUNT RATE [KINDS]
// AUTH is a base URL without /uaa; GATEWAYS and SERVICES (instances of account) are base URLs with commas between them; COUNT
// revocations of each of the KINDS (token,grant,session,user,client,key unless told otherwise). The mesh is one with the demo's identities.
// Exit code 1: something was accepted for more than a second, never refused, or accepted again, or a bystander was refused.
using System.Globalization;
using SecureMesh.Bench;

if (args is not [var auth, var gateways, var services, var count, var rate, .. var rest] || rest.Length > 1)
{
    await Console.Error.WriteLineAsync("Revocation AUTH GATEWAYS SERVICES COUNT RATE [KINDS]");
    return 64;
}
var kinds = rest is [var named] ? named.Split(',') : ["token", "grant", "session", "user", "client", "key"];
using var victims = new Victims(new Uri(auth), new Uri(gateways.Split(',')[0]));
await victims.PrepareAsync();
using var load = new Load([.. gateways.Split(',').Select(url => new Door("gateway", new Uri(url))), .. services.Split(',').Select(url => new Door("service", new Uri(url)))],
    int.Parse(rate, CultureInfo.InvariantCulture));
load.Start();

// Not counted: in the first seconds after their start programs are compiled, and requests wait for seconds whatever is revoked.
load.Bystander = await victims.BystanderAsync();
for (var i = 0; i < 5; i++) await victims.RunAsync("token", i, load);

var failed = false;
Console.WriteLine($"{"kind",-8} {"doors",-8} {"times",5} {"p50 ms",8} {"p99 ms",8} {"max ms",8}  {"never",5} {"again",5}");
foreach (var kind in kinds)
{
    var trials = new List<Trial>();
    for (var i = 0; i < int.Parse(count, CultureInfo.InvariantCulture); i++)
    {
        // A new key ends everybody's tokens, so there are no bystanders then.
        load.Bystander = kind == "key" ? null : await victims.BystanderAsync();
        trials.Add(await victims.RunAsync(kind, i, load));
    }
    await Task.Delay(TimeSpan.FromMilliseconds(250)); // the last one, too, is shown for a while after it was refused everywhere
    foreach (var doors in new[] { "gateway", "service" })
    {
        var delays = trials.Select(trial => trial.LastAccepted(doors)).Order().ToArray();
        var (never, again) = (trials.Count(trial => trial.NeverRefused(doors)), trials.Count(trial => trial.AcceptedAgain(doors)));
        failed |= delays[^1] > TimeSpan.FromSeconds(1) || never > 0 || again > 0;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{kind,-8} {doors,-8} {delays.Length,5} {Percentile(delays, 50),8:0.0} {Percentile(delays, 99),8:0.0} {delays[^1].TotalMilliseconds,8:0.0}  {never,5} {again,5}"));
    }
}
Console.WriteLine(load.Summary());
return failed || load.Wronged > 0 ? 1 : 0;

// The smallest time that so many of a hundred do not exceed.
static double Percentile(TimeSpan[] sorted, int percentile) => sorted[((sorted.Length * percentile) + 99) / 100 - 1].TotalMilliseconds;
