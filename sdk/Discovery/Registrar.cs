using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Registers this instance once it listens, renews its lease, and takes it back first of all when the service stops.</summary>
internal sealed partial class Registrar(
    RegistryConnection connection, IServer server, IOptionsMonitor<MeshOptions> options, TimeProvider time, ILogger<Registrar> log)
    : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan InFlightLimit = TimeSpan.FromMilliseconds(500);
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Registration? _me;
    private volatile bool _registered;
    private volatile bool _stopping;
    private long _dirty;

    /// <summary>Application and id of this instance; null before it listens or when it is not to be registered.</summary>
    public Registration? Identity => _me;

    /// <summary>True while the registry holds this instance, as far as is known.</summary>
    public bool Registered => _registered;

    /// <summary>Why the last registration or renewal failed; null when it did not.</summary>
    public string? Fault { get; private set; }

    /// <summary>The registry has lost this instance: register at once.</summary>
    public void RegisterAgain()
    {
        _registered = false;
        Volatile.Read(ref _wake).TrySetResult();
    }

    // The listener has its address only when everything has started.
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!options.CurrentValue.Registry.Register) return Task.CompletedTask;
        _me = Registration.From(options.CurrentValue, server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []);
        if (_me is null) Log.NoAddress(log);
        else _loop = Task.Run(() => RunAsync(_me), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Before anything else stops: out of the registry, then a pause in which callers learn of it, then the listener closes.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_me is not { } me) return;
        _stopping = true;
        Volatile.Read(ref _wake).TrySetResult();
        // A request on its way is let through, so that it cannot arrive after the removal.
        await Task.WhenAny(_loop, Task.Delay(InFlightLimit, time, cancellationToken));
        await _stop.CancelAsync();
        if (!_registered) return;
        try
        {
            var answer = await connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, me.Path), StopLimit, onlyCurrent: true, cancellationToken);
            _registered = false;
            if (!answer.Done) return;
            Log.Deregistered(log, me.Id);
            await Task.Delay(options.CurrentValue.Registry.Drain, time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time for stopping is over; the lease runs out by itself.
        }
        catch (Exception e)
        {
            Log.Unexpected(log, e); // the rest of the stop goes on
        }
    }

    private async Task RunAsync(Registration me)
    {
        var pause = FirstPause;
        var interval = FirstPause;
        Touch();
        try
        {
            while (!_stopping)
            {
                Volatile.Write(ref _wake, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                var fault = await SafeTurnAsync(me);
                if (_stopping) return;
                if (fault is null && !_registered) continue; // forgotten: register at once
                interval = Interval(interval);
                if (fault is not null && fault != Fault) Log.Failed(log, connection.Current, fault);
                Fault = fault;
                var wait = fault is null ? Entropy.Jitter(interval) : Entropy.Jitter(pause, 0.2);
                // Never longer than the interval, so that no lease is lost by waiting.
                pause = fault is null ? FirstPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, (interval / 1.2).Ticks));
                await Task.WhenAny(Volatile.Read(ref _wake).Task, Task.Delay(wait, time, _stop.Token));
                _stop.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Whatever goes wrong, the next turn comes: the lease must not end because of one answer.</summary>
    private async Task<string?> SafeTurnAsync(Registration me)
    {
        try
        {
            return _registered ? await RenewAsync(me) : await RegisterAsync(me);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            var fault = $"an error of this service ({e.GetType().Name})";
            if (Fault != fault) Log.Unexpected(log, e);
            return fault;
        }
    }

    /// <summary>The setting; the value before while a changed one that does not validate is being taken back.</summary>
    private TimeSpan Interval(TimeSpan before)
    {
        try
        {
            return options.CurrentValue.Registry.RenewalInterval;
        }
        catch (OptionsValidationException)
        {
            return before;
        }
    }

    private async Task<string?> RegisterAsync(Registration me)
    {
        var current = options.CurrentValue;
        var answer = await connection.SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, me.AppPath) { Content = me.Body(current, _dirty) }, MeshHttp.RequestLimit, onlyCurrent: false, _stop.Token);
        if (answer.Fault is not null) return answer.Fault;
        if (!answer.Done) return $"it answered {(int)answer.Status} to the registration";
        _registered = true;
        Log.Registered(log, me.Id, answer.Server);
        return null;
    }

    private async Task<string?> RenewAsync(Registration me)
    {
        var query = $"{me.Path}?status=UP&lastDirtyTimestamp={_dirty.ToString(CultureInfo.InvariantCulture)}";
        var answer = await connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Put, query), MeshHttp.RequestLimit, onlyCurrent: false, _stop.Token);
        if (answer.Fault is not null) return answer.Fault;
        if (answer.Status == HttpStatusCode.NotFound)
        {
            Log.Forgotten(log, me.Id, answer.Server);
            Touch();
            _registered = false;
            return null;
        }
        return answer.Done ? null : $"it answered {(int)answer.Status} to the renewal";
    }

    /// <summary>A new dirty timestamp: what this instance says from now on wins over what the registry holds.</summary>
    private void Touch() => _dirty = Math.Max(_dirty + 1, time.GetUtcNow().ToUnixTimeMilliseconds());

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _stopping = true;
        _stop.Cancel(); // not disposed: the loop may still read its token
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RegistryRenewalFailed, LogLevel.Error, "The registration could not be kept up; trying again")]
        public static partial void Unexpected(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.RegistryRegistered, LogLevel.Information, "Registered as {Id} at {Url}")]
        public static partial void Registered(ILogger logger, string id, Uri url);

        [LoggerMessage(EventIds.RegistryForgotten, LogLevel.Warning, "The registry at {Url} does not know {Id} any more: registering again")]
        public static partial void Forgotten(ILogger logger, string id, Uri url);

        [LoggerMessage(EventIds.RegistryRefused, LogLevel.Warning, "Not registered at {Url}: {Reason}")]
        public static partial void Failed(ILogger logger, Uri url, string reason);

        [LoggerMessage(EventIds.RegistryDeregistered, LogLevel.Information, "Deregistered {Id}")]
        public static partial void Deregistered(ILogger logger, string id);

        [LoggerMessage(EventIds.RegistryNoAddress, LogLevel.Warning, "Not registered: this service listens at no TCP address")]
        public static partial void NoAddress(ILogger logger);
    }
}
