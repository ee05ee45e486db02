using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access.Foreign;

/// <summary>The issuers that are trusted beside the mesh's own. A changed configuration replaces them as a whole or not at all.</summary>
internal sealed partial class ForeignIssuers : IConfigurationCheck, IDisposable
{
    private readonly IConfiguration _configuration;
    private readonly IOutsideIssuers _trusted;
    private readonly MeshOptions _mesh;
    private readonly ILogger<ForeignIssuers> _logger;
    private readonly Lock _gate = new();
    private readonly IDisposable _watch;
    private volatile Entry[] _current;
    private volatile string? _fault;

    public ForeignIssuers(IConfiguration configuration, IOutsideIssuers trusted, IOptions<MeshOptions> mesh, ILogger<ForeignIssuers> logger)
    {
        (_configuration, _trusted, _mesh, _logger) = (configuration, trusted, mesh.Value, logger);
        var (issuers, faults) = ForeignReader.Read(configuration, _mesh);
        if (faults.Count > 0) throw new MeshStartException("the issuers are wrong: " + string.Join(" ", faults));
        _current = Enter(issuers, []);
        _watch = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    /// <summary>Why the newest configuration was refused; null when it is in force.</summary>
    public string? Fault => _fault;

    public bool Any => _current.Length > 0;

    /// <summary>The issuers by their names.</summary>
    public IEnumerable<string> Names => _current.Select(entry => entry.Issuer.Trusted.Issuer);

    /// <summary>Whom the issuer's tokens stand for; null when nobody here trusts it.</summary>
    public Entry? Find(string issuer) => Array.Find(_current, entry => entry.Issuer.Trusted.Issuer == issuer);

    /// <summary>Judges a change before it is in force.</summary>
    public IReadOnlyList<string> Faults(IConfiguration configuration)
    {
        var faults = ForeignReader.Read(configuration, _mesh).Faults;
        lock (_gate) Note(faults);
        return faults;
    }

    public void Dispose() => _watch.Dispose();

    private void Reload()
    {
        lock (_gate)
        {
            var (issuers, faults) = ForeignReader.Read(_configuration, _mesh);
            Note(faults);
            if (faults.Count > 0) return;
            var before = _current;
            _current = Enter(issuers, before);
            if (!before.Select(entry => entry.Text).SequenceEqual(_current.Select(entry => entry.Text))) Log.Changed(_logger, _current.Length);
        }
    }

    private void Note(IReadOnlyList<string> faults)
    {
        var fault = faults.Count > 0 ? string.Join(" ", faults) : null;
        if (fault is not null && fault != _fault) Log.Refused(_logger, fault);
        _fault = fault;
    }

    /// <summary>One that did not change keeps its keys.</summary>
    private Entry[] Enter(IReadOnlyList<ForeignIssuer> issuers, Entry[] before) =>
        [.. issuers.Select(issuer => (issuer, text: JsonSerializer.Serialize(issuer))).Select(one => Array.Find(before, entry => entry.Text == one.text) ?? new Entry(one.issuer, _trusted.Trust(one.issuer.Trusted), one.text))];

    /// <param name="Issuer">What is let in of its tokens.</param>
    /// <param name="Tokens">How they are checked.</param>
    /// <param name="Text">Equal for issuers that are equal in everything.</param>
    internal sealed record Entry(ForeignIssuer Issuer, IAccessTokens Tokens, string Text);

    private static partial class Log
    {
        [LoggerMessage(EventIds.IssuersChanged, LogLevel.Information, "{Count} issuers beside the mesh's own are trusted")]
        public static partial void Changed(ILogger logger, int count);

        [LoggerMessage(EventIds.IssuersRefused, LogLevel.Error, "The changed issuers are refused as a whole and the old ones stay in force: {Fault}")]
        public static partial void Refused(ILogger logger, string fault);
    }
}
