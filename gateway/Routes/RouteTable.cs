using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Routes;

/// <summary>
/// The routes in force. A changed configuration replaces them as a whole or, when anything in it is wrong, not at all.
/// </summary>
internal sealed partial class RouteTable : IConfigurationCheck, IDisposable
{
    private readonly IConfiguration _configuration;
    private readonly ILogger<RouteTable> _logger;
    private readonly Lock _gate = new();
    private readonly IDisposable _watch;
    private volatile State _state;
    private volatile RouteMatch? _match;

    public RouteTable(IConfiguration configuration, ILogger<RouteTable> logger)
    {
        (_configuration, _logger) = (configuration, logger);
        var (routes, faults) = RouteReader.Read(configuration);
        if (faults.Count > 0) throw new MeshStartException("the routes are wrong: " + string.Join(" ", faults));
        _state = new State(routes, null, new());
        Log.Loaded(_logger, routes.Count);
        _watch = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
        Reload(); // what changed between the reading and the watching
    }

    public IReadOnlyList<Route> Current => _state.Routes;

    /// <summary>Which of them a request takes, for whoever asks beside the framework's router.</summary>
    public RouteMatch Match
    {
        get
        {
            var (routes, match) = (Current, _match);
            return match is not null && ReferenceEquals(match.Routes, routes) ? match : _match = new RouteMatch(routes);
        }
    }

    /// <summary>Why the newest configuration was refused; null when it is in force.</summary>
    public string? Fault => _state.Fault;

    /// <summary>A token that fires once when <see cref="Current"/> has been replaced.</summary>
    public IChangeToken Watch() => new CancellationChangeToken(_state.Replaced.Token);

    /// <summary>Judges a change before it is in force; what it says is shown as <see cref="Fault"/> until there is a good one.</summary>
    public IReadOnlyList<string> Faults(IConfiguration configuration)
    {
        var faults = RouteReader.Read(configuration).Faults;
        lock (_gate) Note(faults);
        return faults;
    }

    public void Dispose() => _watch.Dispose();

    /// <summary>Called by whatever noticed the change, where nobody catches what it throws: the old routes serve on.</summary>
    private void Reload()
    {
        try
        {
            Replace();
        }
        catch (Exception e)
        {
            lock (_gate) _state = _state with { Fault = $"The changed routes cannot be read ({e.GetType().Name})." };
            Log.Unread(_logger, e);
        }
    }

    private void Replace()
    {
        State old;
        lock (_gate)
        {
            old = _state;
            var (routes, faults) = RouteReader.Read(_configuration);
            if (faults.Count > 0)
            {
                Note(faults);
                return;
            }
            if (Text(routes) == Text(old.Routes))
            {
                if (old.Fault is not null) Log.Loaded(_logger, routes.Count);
                _state = old with { Fault = null };
                return;
            }
            _state = new State(routes, null, new());
            Log.Loaded(_logger, routes.Count);
        }
        old.Replaced.Cancel();
    }

    private void Note(IReadOnlyList<string> faults)
    {
        var (old, fault) = (_state, faults.Count > 0 ? string.Join(" ", faults) : null);
        if (fault == old.Fault) return;
        _state = old with { Fault = fault };
        if (fault is not null) Log.Refused(_logger, fault);
    }

    private static string Text(IReadOnlyList<Route> routes) => string.Join('\n', routes.Select(route => route.Text()));

    private sealed record State(IReadOnlyList<Route> Routes, string? Fault, CancellationTokenSource Replaced);

    private static partial class Log
    {
        [LoggerMessage(EventIds.RoutesUnread, LogLevel.Error, "The changed routes cannot be read, or a part of the gateway failed on them")]
        public static partial void Unread(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.RoutesLoaded, LogLevel.Information, "{Count} routes are in force")]
        public static partial void Loaded(ILogger logger, int count);

        [LoggerMessage(EventIds.RoutesRefused, LogLevel.Error, "The changed routes are refused as a whole and the old ones stay in force: {Fault}")]
        public static partial void Refused(ILogger logger, string fault);
    }
}
