using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>Asks of each verified token or passport whether it was revoked, and refuses when that cannot be known and must be.</summary>
internal sealed class RevokedTokens : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);
    private readonly ITokenRevocations _revocations;
    private readonly IDisposable? _changes;
    private volatile RevocationClientOptions _options;

    public RevokedTokens(ITokenRevocations revocations, IOptionsMonitor<MeshOptions> options)
    {
        (_revocations, _options) = (revocations, options.CurrentValue.Revocations);
        // Not CurrentValue at each request: it throws while a changed value that does not validate is being taken back.
        _changes = options.OnChange(changed => _options = changed.Revocations);
    }

    /// <summary>Why a token that is good otherwise is refused; null when it is not.</summary>
    public Exception? Fault(SecurityToken token)
    {
        if (token is not JsonWebToken jwt) return new TokenRefusedException("its revocation cannot be asked for");
        var marks = TokenMarks.Of(jwt);
        // A passport has two keys to its name: the gateway's, which signed it, and the one of the credential it was made for.
        if (_revocations.IsRevoked(marks) || (marks.KeyId != jwt.Kid && _revocations.IsRevoked(marks with { KeyId = jwt.Kid })))
            return new TokenRefusedException("revoked");
        return _options is { WhenCut: "critical" } options && _revocations.CutFor > options.CriticalAfter ? new RevocationsCutException(RetryAfter) : null;
    }

    public void Dispose() => _changes?.Dispose();
}

/// <summary>Whether tokens were revoked cannot be known at the moment; callers are told to try again, not that their token is bad.</summary>
internal sealed class RevocationsCutException(TimeSpan retryAfter) : Exception("the revocations are cut off")
{
    public TimeSpan RetryAfter => retryAfter;
}
