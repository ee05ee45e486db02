// What the mesh's gateway is measured against, and the load that wrk cannot make.
//   Peers yarp PORT BACKEND                        YARP as its documentation starts it: one route, one cluster
//   Peers jwt PORT BACKEND KEYS ISSUER SCOPE...    the same behind the framework's JwtBearer: keys from the URL KEYS, any of the scopes
//   Peers pem KEYS                                 the RS256 key of the key set at the URL KEYS, as PEM
//   Peers tokens URL BASIC COUNT AT_ONCE           COUNT different client_credentials tokens, one a line
//   Peers steady URL TOKEN RATE SECONDS            GET with the token at a steady rate (bench/load/Steady.cs)
//   Peers profile FILE TOP                         the busiest methods of a profile in speedscope's form
using System.Globalization;
using System.Net.Http.Headers;
using SecureMesh.Bench;

switch (args)
{
    case ["yarp", var port, var backend]:
        await Proxies.Bare(Number(port), backend).RunAsync();
        return 0;
    case ["jwt", var port, var backend, var keys, var issuer, .. { Length: > 0 } scopes]:
        await (await Proxies.WithJwtBearerAsync(Number(port), backend, keys, issuer, scopes)).RunAsync();
        return 0;
    case ["pem", var keys]:
        Console.WriteLine(await Tokens.PublicKeyAsync(keys));
        return 0;
    case ["tokens", var url, var basic, var count, var atOnce]:
        await Tokens.WriteAsync(url, basic, Number(count), Number(atOnce), Console.Out);
        return 0;
    case ["steady", var url, var token, var rate, var seconds]:
        var credential = new AuthenticationHeaderValue("Bearer", token);
        HttpRequestMessage Request()
        {
            var message = new HttpRequestMessage(HttpMethod.Get, url);
            message.Headers.Authorization = credential;
            return message;
        }
        await Steady.RunAsync(Request, Number(rate), double.Parse(seconds, CultureInfo.InvariantCulture));
        return 0;
    case ["profile", var file, var top]:
        await Profile.PrintAsync(file, Number(top), Console.Out);
        return 0;
    default:
        await Console.Error.WriteLineAsync("Peers yarp PORT BACKEND | jwt PORT BACKEND KEYS ISSUER SCOPE... | pem KEYS | tokens URL BASIC COUNT AT_ONCE | steady URL TOKEN RATE SECONDS | profile FILE TOP");
        return 64;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
