using SecureMesh.Config.Documents;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace SecureMesh.Config.Merged;

/// <summary>Writes a tree as YAML: block style, two spaces; a text that YAML 1.1 would read as something else is quoted.</summary>
internal static class YamlText
{
    public static string Of(object tree)
    {
        using var text = new StringWriter();
        var emitter = new Emitter(text, EmitterSettings.Default.WithBestIndent(2).WithBestWidth(int.MaxValue).WithNewLine("\n"));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Write(emitter, tree);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Write(Emitter emitter, object? node)
    {
        switch (node)
        {
            case SortedDictionary<string, object?> map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, MappingStyle.Block));
                foreach (var (key, value) in map)
                {
                    emitter.Emit(Text(key));
                    Write(emitter, value);
                }
                emitter.Emit(new MappingEnd());
                break;
            case List<object?> list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, SequenceStyle.Block));
                foreach (var item in list) Write(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case string text:
                emitter.Emit(Text(text));
                break;
            default:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, Plain(node), ScalarStyle.Plain, true, false));
                break;
        }
    }

    private static string Plain(object? value) => value switch
    {
        null => "null",
        double.PositiveInfinity => ".inf",
        double.NegativeInfinity => "-.inf",
        double.NaN => ".nan",
        double number when ScalarText.Of(number) is var text => text.Replace("E", "e+", StringComparison.Ordinal).Replace("e+-", "e-", StringComparison.Ordinal),
        _ => ScalarText.Of(value),
    };

    private static Scalar Text(string text)
    {
        var misread = text is "<<" or "=" || Yaml11.Resolve(text) is not string;
        var style = text.Any(c => char.IsControl(c) && c != '\n') || text.Any(char.IsSurrogate) ? ScalarStyle.DoubleQuoted
            : text.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.DoubleQuoted
            : misread ? ScalarStyle.SingleQuoted : ScalarStyle.Any;
        return new Scalar(AnchorName.Empty, TagName.Empty, text, style, true, true);
    }
}
