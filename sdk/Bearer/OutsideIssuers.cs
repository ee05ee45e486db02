using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>An issuer other than the mesh's own whose access tokens are taken.</summary>
/// <param name="Name">How it is called here, for logs.</param>
/// <param name="Issuer">The value of <c>iss</c>, compared byte for byte.</param>
/// <param name="Keys">Its JWK set: https, or in a demo http on loopback. Only public addresses are called (V-112).</param>
/// <param name="Audience">What must stand in <c>aud</c>.</param>
public sealed record OutsideIssuer(string Name, string Issuer, Uri Keys, string Audience)
{
    /// <summary>Of <c>ES256</c> and <c>RS256</c>; a key verifies its own algorithm alone.</summary>
    public IReadOnlyList<string> Algorithms { get; init; } = ["ES256", "RS256"];

    /// <summary>Values of <c>typ</c> that its access tokens have (RFC 9068 §2.1); with <c>JWT</c> an id token for the same audience is taken for one. <c>application/</c> before it and the case of letters do not matter (RFC 7515 §4.1.9).</summary>
    public IReadOnlyList<string> Types { get; init; } = ["at+jwt"];
}

/// <summary>Checks tokens of issuers other than the mesh's own.</summary>
public interface IOutsideIssuers
{
    /// <summary>Begins to trust an issuer: its keys are fetched with the first token and kept fresh while tokens come.</summary>
    /// <param name="issuer">The issuer.</param>
    IAccessTokens Trust(OutsideIssuer issuer);
}

internal sealed class OutsideIssuers(IHttpClientFactory clients, IOptions<MeshOptions> mesh, TimeProvider time, ILogger<OutsideIssuers> logger) : IOutsideIssuers
{
    public IAccessTokens Trust(OutsideIssuer issuer)
    {
        ArgumentNullException.ThrowIfNull(issuer);
        return new TrustedTokens(issuer, new TrustedKeys(issuer, clients, mesh, time, logger), time);
    }

    private sealed class TrustedTokens(OutsideIssuer issuer, TrustedKeys keys, TimeProvider time) : IAccessTokens
    {
        private readonly BearerTokenHandler _handler =
            new([.. issuer.Types.Select(type => TokenKind.Trusted(issuer, type, kid => keys.FindFreshAsync(kid), time))]) { TakesBound = true, IsForeign = true };

        private readonly Microsoft.IdentityModel.Tokens.TokenValidationParameters _none = new(); // each kind of token brings its own

        public async ValueTask<AccessTokenResult> VerifyAsync(string token, CancellationToken cancellationToken = default) =>
            AccessTokenResult.Of(token, await _handler.ValidateTokenAsync(token, _none).WaitAsync(cancellationToken));
    }
}

/// <summary>The keys of a trusted issuer: fetched as the mesh's own are, from an address that somebody wrote down.</summary>
internal sealed class TrustedKeys(OutsideIssuer issuer, IHttpClientFactory clients, IOptions<MeshOptions> mesh, TimeProvider time, ILogger logger)
    : PublishedKeys(Published(issuer), clients, mesh, time, logger)
{
    public new const string Client = "SecureMesh.TrustedKeys";

    public async ValueTask<IssuerKey?> FindFreshAsync(string kid)
    {
        await FreshenAsync(CancellationToken.None);
        return await FindAsync(kid);
    }

    /// <summary>
    /// The name is resolved once, every address that is not public is refused, and the connection goes to the address that was
    /// judged: what the name resolves to a moment later does not matter. A demo may call its own machine.
    /// </summary>
    public static SocketsHttpHandler Handler(bool demo) => new()
    {
        AllowAutoRedirect = false, // keys come from the configured address or not at all
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        PooledConnectionLifetime = TimeSpan.Zero,
        ConnectCallback = async (context, stop) =>
        {
            var host = context.DnsEndPoint.Host;
            var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, stop);
            // One address that is not allowed spoils the name: a public one beside it is how a guard is led astray.
            if (addresses.Length == 0 || !addresses.All(address => !SpecialAddresses.Contains(address) || (demo && IPAddress.IsLoopback(SpecialAddresses.Plain(address)))))
                throw new IOException("the address is not on the public internet");
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, stop);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    private static PublishedKeySet Published(OutsideIssuer issuer) =>
        new("", $"keys of the issuer {issuer.Name}", UnknownKidPause: TimeSpan.FromSeconds(30), MayBeEmpty: false) { Elsewhere = new PublishedElsewhere(issuer.Keys.AbsoluteUri, Client) };
}
