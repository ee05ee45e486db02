using static SecureMesh.Gateway.Tests.Fuzz.Http2Wire;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>One connection of HTTP/2: the frames behind the preface, and which streams must end.</summary>
internal sealed record Http2Variant(Variant Rules, byte[] Frames, IReadOnlyList<int> Streams);

/// <summary>Fields and frames that HTTP/1.1, to which the gateway translates, would read as something else (RFC 9113 §8.2, §8.3, §10.3).</summary>
internal sealed class Http2Tricks(int seed, string uiToken)
{
    public Http2Variant Next(int number)
    {
        var draft = new Draft(new Random(unchecked((seed * 1_000_003) + number)), number) { Path = "/uaa/x" };
        var fields = new List<(string Name, string Value)>
        {
            (":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "localhost"), ("user-agent", $"fuzz/{number}"),
        };
        if (draft.Chance(20))
        {
            draft.Scopes = ["ui"];
            draft.Path = "/accounts/current";
            fields.Add(("authorization", "Bearer " + uiToken));
        }
        List<byte[]> behind = [];
        var streams = new List<int> { 1 };
        switch (draft.Dice.Next(9))
        {
            case 0: Pseudo(draft, fields); break;
            case 1: Names(draft, fields); break;
            case 2: Values(draft, fields); break;
            case 3: Connection(draft, fields); break;
            case 4: TargetTricks.Path(draft); break;
            case 5: Length(draft, fields, behind); break;
            case 6: Trailers(draft, fields, behind); break;
            case 7: Method(draft, fields); break;
            default: Frames(draft, behind, streams); break;
        }
        if (draft.Chance(30)) Identity(draft, fields);
        if (draft.Chance(10)) Identity(draft, fields);
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i] is (":path", "")) fields[i] = (":path", draft.Path + draft.Query);
        }
        var frames = new List<byte[]>();
        var block = Fields(fields);
        var flags = behind.Count > 0 && draft.Kind is not "frames " ? (byte)0 : EndStream;
        if (draft.Chance(30) && block.Length > 10)
        {
            var cut = draft.Dice.Next(1, block.Length);
            frames.Add(Frame(Headers, flags, 1, block.AsSpan(0, cut)));
            frames.Add(Frame(Continuation, EndHeaders, 1, block.AsSpan(cut)));
        }
        else frames.Add(Frame(Headers, (byte)(flags | EndHeaders), 1, block));
        frames.AddRange(behind);
        var text = string.Join('\n', fields.Select(field => $"{field.Name}: {field.Value.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}")) + $"\n+ {behind.Count} frames";
        var method = fields.First(field => field.Name == ":method" || fields.TrueForAll(other => other.Name != ":method")).Value;
        return new Http2Variant(new Variant(number, "h2 " + draft.Kind, text) { Scopes = draft.Scopes, Requests = draft.Requests, Refused = draft.Refused, Method = method }, [.. frames.SelectMany(frame => frame)], streams);
    }

    private static void Identity(Draft draft, List<(string Name, string Value)> fields)
    {
        var other = new Draft(draft.Dice, draft.Number);
        other.Lines.Clear();
        HeaderTricks.Identity(other);
        draft.Kind += "identity ";
        foreach (var line in other.Lines)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            fields.Add((line[..colon].ToLowerInvariant(), line[(colon + 1)..].Trim()));
        }
    }

    private static void Pseudo(Draft draft, List<(string Name, string Value)> fields)
    {
        draft.Kind += "pseudo ";
        switch (draft.Dice.Next(10))
        {
            case 0: fields.Insert(3, (":path", "/admin/x")); draft.Refused = true; break;
            case 1: fields.RemoveAll(field => field.Name == ":path"); draft.Refused = true; break;
            case 2: fields.Add((":method", "POST")); draft.Refused = true; break;
            case 3: fields.Add((":authority", "evil.example")); draft.Refused = true; break;
            case 4: fields.Insert(0, (draft.Pick(":x", ":status", ":protocol", ":user", ":", ":Path"), "canary")); draft.Refused = true; break;
            case 5: fields.Add(("host", draft.Pick("evil.example", "canary"))); break; // the authority wins (§8.3.1), or it is refused
            case 6: fields[1] = (":scheme", draft.Pick("https", "ftp", "", "http\r\nX-User: canary", "HTTP ", "canary")); break;
            case 7: fields[3] = (":authority", draft.Pick("evil.example", "localhost@evil.example", "localhost\r\nX-User: canary", "localhost:x", "", "localhost, canary", "localhost/admin", "localhost.")); draft.Refused = true; break;
            case 8: TargetTricks.Form(draft); break;
            default: (fields[3], fields[4]) = (fields[4], fields[3]); draft.Refused = true; break; // a pseudo field behind a regular one
        }
    }

    private static void Names(Draft draft, List<(string Name, string Value)> fields)
    {
        draft.Kind += "names ";
        fields.Add((draft.Pick("X-User", "x-user\r\nx-forwarded-for", "x-user: canary\r\nx", "x user", "", "x-user\0", "x-user:", "authorizatioN", "x\u00e4", "\tx-user", "x-user\n", "(x)", "x\u007f"), "canary"));
    }

    private static void Values(Draft draft, List<(string Name, string Value)> fields)
    {
        draft.Kind += "values ";
        var value = draft.Pick("a\r\nX-User: canary", "a\nX-User: canary", "a\rX-User: canary", "a\0canary", "a\r\n\r\nGET /admin/x?m=" + draft.Number + "-hidden HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n", "\0");
        fields.Add((draft.Pick("accept", "x-a", "referer", "content-type", "traceparent", "if-match", "cookie"), value));
        draft.Refused = true;
    }

    private static void Connection(Draft draft, List<(string Name, string Value)> fields)
    {
        draft.Kind += "connection ";
        fields.Add((draft.Pick("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "http2-settings"), draft.Pick("chunked", "close", "x-forwarded-for", "websocket", "gzip", "trailers, canary", "canary")));
    }

    private static void Length(Draft draft, List<(string Name, string Value)> fields, List<byte[]> behind)
    {
        draft.Kind += "length ";
        var hidden = draft.Hidden();
        fields[0] = (":method", draft.Pick("POST", "GET", "PUT", "DELETE"));
        var length = draft.Pick("0", "1", "5", $"{hidden.Length}", $"{hidden.Length + 50}", "-1", "+5", "5, 5", "5\0", "99999999999999999999", "", "x");
        fields.Add(("content-length", length));
        if (draft.Chance(20)) fields.Add(("content-length", draft.Pick("7", length)));
        if (draft.Chance(20)) fields.Add(("transfer-encoding", "chunked"));
        if (draft.Chance(50)) behind.Add(Frame(Data, EndStream, 1, System.Text.Encoding.Latin1.GetBytes(hidden)));
        else
        {
            behind.Add(Frame(Data, 0, 1, System.Text.Encoding.Latin1.GetBytes(hidden[..10])));
            behind.Add(Frame(Data, EndStream, 1, System.Text.Encoding.Latin1.GetBytes(hidden[10..])));
        }
    }

    private static void Trailers(Draft draft, List<(string Name, string Value)> fields, List<byte[]> behind)
    {
        draft.Kind += "trailers ";
        fields[0] = (":method", "POST");
        behind.Add(Frame(Data, 0, 1, "hello"u8));
        behind.Add(Frame(Headers, EndStream | EndHeaders, 1, Fields([(draft.Pick("x-user", "x-forwarded-for", "authorization", ":path", "content-length", "transfer-encoding", "host", "X-User", "cookie"), draft.Pick("canary", "0", "/admin/x"))])));
    }

    private static void Method(Draft draft, List<(string Name, string Value)> fields)
    {
        draft.Kind += "method ";
        draft.Path = draft.Pick("/accounts/demo", "/accounts/", "/read/x", "/admin/x", "/uaa/x");
        fields[0] = (":method", draft.Pick("CONNECT", "CONNECT", "get", "TRACE", "POST", "GET ", "GET\r\nX-User: canary", "GET /admin/x HTTP/1.1\r\nX: ", "", "G\0ET", "HEAD", "OPTIONS", "PRI"));
        if (draft.Chance(50)) fields.Insert(0, (":protocol", draft.Pick("websocket", "WebSocket", "h2c", "connect-udp", "webtransport", "", "canary")));
    }

    private static void Frames(Draft draft, List<byte[]> behind, List<int> streams)
    {
        draft.Kind += "frames ";
        var second = Fields([(":method", "GET"), (":scheme", "http"), (":path", $"/uaa/x?m={draft.Number}-hidden"), (":authority", "localhost"), ("user-agent", $"fuzz/{draft.Number}-hidden")]);
        switch (draft.Dice.Next(8))
        {
            case 0: behind.Add(Frame(Headers, EndStream | EndHeaders, 3, second)); streams.Add(3); draft.Requests = 2; break; // another stream, as it should be
            case 1: behind.Add(Frame(Headers, EndStream | EndHeaders, 1, second)); break; // the same stream again
            case 2: behind.Add(Frame(Headers, EndStream | EndHeaders, 2, second)); streams.Add(2); break; // the server's number
            case 3: behind.Add(Frame(Headers, EndStream | EndHeaders, 0, second)); streams.Add(0); break;
            case 4: behind.Add(Frame(Data, EndStream, 1, "canary"u8)); break; // behind the end
            case 5: behind.Add(Frame(Data, EndStream, 7, "canary"u8)); streams.Add(7); break; // on a stream that is not open
            case 6: behind.Add(Frame(Continuation, EndHeaders, 1, second)); break;
            default: behind.Add(Frame(200, 255, 1, second)); break; // a kind that nobody knows is ignored (§5.5)
        }
    }
}
