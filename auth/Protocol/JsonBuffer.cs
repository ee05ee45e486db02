using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SecureMesh.Auth.Protocol;

/// <summary>
/// JSON in memory that the thread keeps for the next one: claims and answers are written thousands of times a second. Taken, written
/// and given back without waiting in between.
/// </summary>
internal sealed class JsonBuffer : IDisposable
{
    private const int MostKept = 64 * 1024;

    // Texts go out as they stand in the contract: the bodies are JSON, never HTML.
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic] private static JsonBuffer? _answers;
    [ThreadStatic] private static JsonBuffer? _claims;

    private readonly ArrayBufferWriter<byte> _bytes = new(2048);
    private readonly bool _relaxed;

    private JsonBuffer(bool relaxed) => (_relaxed, Json) = (relaxed, new Utf8JsonWriter(_bytes, relaxed ? Relaxed : default));

    public Utf8JsonWriter Json { get; }

    /// <summary>What was written, until it is given back.</summary>
    public ReadOnlySpan<byte> Written
    {
        get
        {
            Json.Flush();
            return _bytes.WrittenSpan;
        }
    }

    public static JsonBuffer ForAnswer() => Take(ref _answers) ?? new(relaxed: true);

    public static JsonBuffer ForClaims() => Take(ref _claims) ?? new(relaxed: false);

    public void Dispose()
    {
        if (_bytes.Capacity > MostKept) return;
        _bytes.Clear(); // nothing of one answer lies there for the next
        Json.Reset();
        if (_relaxed) _answers = this;
        else _claims = this;
    }

    private static JsonBuffer? Take(ref JsonBuffer? spare)
    {
        var taken = spare;
        spare = null;
        return taken;
    }
}
