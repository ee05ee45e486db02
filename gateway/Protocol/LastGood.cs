using Microsoft.Extensions.Options;

namespace SecureMesh.Gateway.Protocol;

/// <summary>
/// Options for whoever reads them at each request. The monitor's own <c>CurrentValue</c> throws while a changed value that does not
/// validate is being taken back, and no request may end by that.
/// </summary>
internal sealed class LastGood<T> : IDisposable where T : class
{
    private readonly IDisposable? _watch;
    private volatile T _value;

    public LastGood(IOptionsMonitor<T> options)
    {
        _value = options.CurrentValue;
        _watch = options.OnChange(changed => _value = changed);
    }

    public T Value => _value;

    public void Dispose() => _watch?.Dispose();
}
