// What the parts cost alone, on the machine at hand.
//   Bare sign SECONDS               ES256 signatures a second on one core
//   Bare hash SECONDS               password hashes (PBKDF2-HMAC-SHA512, 220,000 iterations) a second on all cores
//   Bare serve PORT SECRET          an endpoint that compares one secret, signs one token, and does nothing else
//   Bare steady URL BASIC RATE SECONDS   asks URL for client_credentials tokens at a steady rate; prints p50, p99 and largest
//                                   latency in milliseconds, counted from when each request was due, and the number of errors
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
if (args is ["sign", var seconds])
{
    var data = new byte[700];
    var signature = new byte[64];
    var watch = Stopwatch.StartNew();
    var end = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
    long count = 0;
    for (; watch.Elapsed < end; count++) key.SignData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    Console.WriteLine((count / watch.Elapsed.TotalSeconds).ToString("0", CultureInfo.InvariantCulture));
    return;
}
if (args is ["hash", var duration])
{
    var limit = TimeSpan.FromSeconds(double.Parse(duration, CultureInfo.InvariantCulture));
    var watch = Stopwatch.StartNew();
    long hashes = 0;
    var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
    {
        for (; watch.Elapsed < limit; Interlocked.Increment(ref hashes))
            Rfc2898DeriveBytes.Pbkdf2("a password", new byte[16], 220_000, HashAlgorithmName.SHA512, 32);
    })).ToArray();
    foreach (var thread in threads) thread.Start();
    foreach (var thread in threads) thread.Join();
    Console.WriteLine((hashes / watch.Elapsed.TotalSeconds).ToString("0.0", CultureInfo.InvariantCulture));
    return;
}
if (args is ["steady", var url, var basic, var rate, var steadySeconds])
{
    var credential = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
    HttpRequestMessage Request()
    {
        var message = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]) };
        message.Headers.Authorization = credential;
        return message;
    }
    await Steady.RunAsync(Request, int.Parse(rate, CultureInfo.InvariantCulture), double.Parse(steadySeconds, CultureInfo.InvariantCulture));
    return;
}
if (args is not ["serve", var port, var secret])
    throw new ArgumentException("Bare sign SECONDS | hash SECONDS | serve PORT SECRET | steady URL BASIC RATE SECONDS");

var expected = Encoding.UTF8.GetBytes("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("bench:" + secret)));
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(int.Parse(port, CultureInfo.InvariantCulture)));
var app = builder.Build();
var header = Base64Url.EncodeToString("""{"alg":"ES256","typ":"at+jwt"}"""u8);
app.MapPost("/token", async http =>
{
    var form = await http.Request.ReadFormAsync();
    var shown = Encoding.UTF8.GetBytes(http.Request.Headers.Authorization.ToString());
    if (form["grant_type"] != "client_credentials" || !CryptographicOperations.FixedTimeEquals(shown, expected))
    {
        http.Response.StatusCode = 401;
        return;
    }
    var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
    var claims = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["iss"] = "http://127.0.0.1",
        ["sub"] = "bench",
        ["aud"] = "urn:bench",
        ["client_id"] = "bench",
        ["scope"] = "read",
        ["iat"] = now,
        ["exp"] = now + 600,
        ["jti"] = RandomNumberGenerator.GetHexString(32, lowercase: true),
    });
    var signed = header + "." + Base64Url.EncodeToString(claims);
    var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    await http.Response.WriteAsJsonAsync(new Dictionary<string, object>
    {
        ["access_token"] = signed + "." + Base64Url.EncodeToString(signature),
        ["token_type"] = "Bearer",
        ["expires_in"] = 600,
        ["scope"] = "read",
    });
});
app.Run();
