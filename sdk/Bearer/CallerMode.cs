using System.Collections.Frozen;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Sdk;

/// <summary>
/// The one place where a service decides who the caller is: the setting <c>access:mode</c> names an authentication scheme.
/// A further mode is its scheme and one line in <see cref="Schemes"/>.
/// </summary>
internal sealed partial class CallerMode : IDisposable
{
    /// <summary>The default scheme of every service; it hands each request to the scheme of the mode.</summary>
    public const string Scheme = "Mesh";

    private static readonly FrozenDictionary<string, string> Schemes = new Dictionary<string, string>
    {
        ["token"] = JwtBearerDefaults.AuthenticationScheme,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly IConfiguration _configuration;
    private readonly ILogger<CallerMode> _logger;
    private readonly IDisposable _changes;
    private volatile string? _current;

    public CallerMode(IConfiguration configuration, ILogger<CallerMode> logger)
    {
        _configuration = configuration;
        _logger = logger;
        _current = Schemes.GetValueOrDefault(Configured);
        _changes = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    /// <summary>The scheme that authenticates callers now.</summary>
    public string Current => _current ?? throw Unknown();

    private string Configured => _configuration["access:mode"] ?? "token";

    /// <summary>Stops the start when the mode is unknown.</summary>
    /// <exception cref="MeshStartException">The mode is unknown.</exception>
    public void Check()
    {
        if (_current is null) throw Unknown();
    }

    private MeshStartException Unknown() =>
        new($"access:mode is '{Configured}'; this service knows {string.Join(", ", Schemes.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>A mode that nobody knows must open nothing and close nothing: the one before stays.</summary>
    private void Reload()
    {
        if (Schemes.TryGetValue(Configured, out var scheme)) _current = scheme;
        else Log.Kept(_logger, Configured);
    }

    public void Dispose() => _changes.Dispose();

    private static partial class Log
    {
        [LoggerMessage(EventIds.ModeKept, LogLevel.Error, "access:mode changed to {Mode}, which is unknown: the mode before stays in force")]
        public static partial void Kept(ILogger logger, string mode);
    }
}
