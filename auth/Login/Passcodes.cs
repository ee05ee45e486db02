using SecureMesh.Auth.Sessions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Login;

/// <summary>Passcodes as UAA makes them: 32 characters, which people paste.</summary>
internal sealed class Passcodes(IPasscodeStore store, TimeProvider time) : IPasscodes
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private const int Length = 32;

    public async Task<string> CreateAsync(Passcode passcode, CancellationToken cancellationToken)
    {
        var code = Entropy.HexId();
        await store.ReplaceAsync(BrowserCookie.Hash(code), passcode, time.GetUtcNow() + Lifetime, cancellationToken);
        return code;
    }

    public async Task<Passcode?> RedeemAsync(string code, CancellationToken cancellationToken) =>
        code.Length == Length && code.All(char.IsAsciiLetterOrDigit) ? await store.TakeAsync(BrowserCookie.Hash(code), time.GetUtcNow(), cancellationToken) : null;
}
