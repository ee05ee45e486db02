using System.Buffers;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Xml;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;

namespace SecureMesh.Discovery.Apps;

/// <summary>Answers as bytes.</summary>
internal static class Render
{
    private static readonly XmlWriterSettings XmlSettings = new() { OmitXmlDeclaration = true, Encoding = new UTF8Encoding(false) };

    public static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Xml(Action<XmlWriter> write)
    {
        var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, XmlSettings)) write(xml);
        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }

    public static ReadOnlyMemory<byte> Applications(
        bool json, string version, string hash, IEnumerable<KeyValuePair<string, IEnumerable<Instance>>> apps) => json
        ? Json(writer => JsonAnswer.Applications(writer, version, hash, apps))
        : Xml(writer => XmlAnswer.Applications(writer, version, hash, apps));

    public static ReadOnlyMemory<byte> Gzip(ReadOnlyMemory<byte> body)
    {
        var stream = new MemoryStream(body.Length / 8);
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(body.Span);
        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }
}

/// <summary>The list and the delta of one version, each form made once, when it is first asked for, and kept as long as the version.</summary>
internal sealed class StateRendering
{
    private static readonly ConditionalWeakTable<RegistryState, StateRendering> All = [];
    private readonly Lazy<ReadOnlyMemory<byte>>[] _forms;

    private StateRendering(RegistryState state) => _forms =
    [
        .. Enumerable.Range(0, 8).Select(form => new Lazy<ReadOnlyMemory<byte>>(() => (form & 4) == 0
            ? Make(state, (form & 1) != 0, (form & 2) != 0)
            : Render.Gzip(_forms![form & 3].Value))),
    ];

    public static ReadOnlyMemory<byte> Of(RegistryState state, bool delta, bool json, bool gzip) =>
        All.GetValue(state, static state => new StateRendering(state))._forms[(delta ? 1 : 0) | (json ? 2 : 0) | (gzip ? 4 : 0)].Value;

    private static ReadOnlyMemory<byte> Make(RegistryState state, bool delta, bool json) => delta
        ? Render.Applications(json, state.Version.ToString(System.Globalization.CultureInfo.InvariantCulture), state.Hash, ByApp(state.Changes))
        : Render.Applications(json, "1", state.Hash, state.Apps);

    private static IEnumerable<KeyValuePair<string, IEnumerable<Instance>>> ByApp(IEnumerable<Instance> instances) =>
        instances.GroupBy(instance => instance.App, StringComparer.Ordinal).Select(app => KeyValuePair.Create(app.Key, (IEnumerable<Instance>)app));
}
