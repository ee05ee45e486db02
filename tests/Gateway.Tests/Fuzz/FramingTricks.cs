namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>Requests whose end two readers could see in different places (RFC 9112 §6, §7, §11.2).</summary>
internal static class FramingTricks
{
    public static void TwoLengths(Draft draft)
    {
        Begin(draft, "two lengths ");
        var hidden = draft.Hidden();
        var coding = draft.Pick("chunked", "Chunked", "chunked ", "\tchunked", "gzip, chunked", "identity");
        if (draft.Chance(50))
        {
            draft.Body = "0\r\n\r\n" + hidden;
            draft.Add($"Content-Length: {draft.Body.Length}");
            draft.Add($"Transfer-Encoding: {coding}");
        }
        else
        {
            draft.Body = $"{hidden.Length:x}\r\n{hidden}\r\n0\r\n\r\n";
            draft.Add($"Transfer-Encoding: {coding}");
            draft.Add($"Content-Length: {draft.Pick("4", "0", "5")}");
        }
        draft.Refused = true;
    }

    /// <summary>Codings that one reader takes for chunked and another for nothing.</summary>
    public static void Codings(Draft draft)
    {
        Begin(draft, "coding ");
        draft.Body = "0\r\n\r\n" + draft.Hidden();
        var header = draft.Pick(
            "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "X: x\nTransfer-Encoding: chunked", "X: x\rTransfer-Encoding: chunked", "Transfer-Encoding\r\n : chunked", "Transfer-Encoding:\r\n chunked",
            "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: chunked\u000b", "Transfer-Encoding: \u000bchunked", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunk",
            "Transfer-Encoding: chunked\0", "Transfer-Encoding: chunked\u00a0", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunked x", "Transfer-Encoding: ch\u00fcnked", " Transfer-Encoding: chunked", "Transfer-Encoding\0: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: compress", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked");
        draft.Add(header);
        if (draft.Chance(30)) draft.Add($"Content-Length: {draft.Body.Length}");
        draft.Refused = true;
    }

    /// <summary>Names that a reader who folds would take for a length: to us they are nothing, and the bytes behind are the next request.</summary>
    public static void FoldedNames(Draft draft)
    {
        Begin(draft, "folded name ");
        draft.Add(draft.Pick("Transfer_Encoding: chunked", "TRANSFER_ENCODING: chunked", "Transfer.Encoding: chunked", "Content_Length: 500", "X-Transfer-Encoding: chunked", "Content-Length-: 500", "TransferEncoding: chunked", "HTTP_TRANSFER_ENCODING: chunked"));
        draft.Method = "GET";
        draft.Behind = draft.Hidden();
        draft.Requests = 2;
    }

    public static void Lengths(Draft draft)
    {
        Begin(draft, "length ");
        var hidden = draft.Hidden();
        switch (draft.Dice.Next(3))
        {
            case 0: // two of them
                draft.Add($"Content-Length: {hidden.Length}");
                draft.Add($"{draft.Pick("Content-Length", "content-length", "CONTENT-LENGTH")}: {draft.Pick("0", "1", hidden.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), "")}");
                draft.Body = hidden;
                draft.Refused = true;
                break;
            case 1: // no number
                draft.Add("Content-Length: " + draft.Pick("-1", "0x5", "5 5", "5, 5", "5,6", "5;", "5.0", "5e0", "9223372036854775808", "18446744073709551621", "99999999999999999999999999", "five", "", "\u0665", "5\0", "0b1", "5 ,", "(5)", "5\t5", "1_0", "NaN", "\"5\""));
                draft.Body = "hello" + hidden;
                draft.Refused = true;
                break;
            default: // a sign and zeros, which Kestrel takes: one reading only
                draft.Add("Content-Length: " + draft.Pick("+5", "05", "0005", "+05", "5 ", "\t5\t"));
                draft.Body = "hello";
                draft.Close = true;
                break;
        }
    }

    public static void Chunks(Draft draft)
    {
        Begin(draft, "chunk ");
        draft.Add("Transfer-Encoding: chunked");
        var hidden = draft.Hidden();
        if (draft.Chance(40))
        {
            // Odd, yet with one end only.
            draft.Body = draft.Pick(
                "5\r\nhello\r\n0\r\n\r\n", "00005\r\nhello\r\n000\r\n\r\n", "5;x=y\r\nhello\r\n0;z\r\n\r\n", "5;\"a\\\"b\"\r\nhello\r\n0\r\n\r\n", "5 ;x\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX-User: canary\r\nX-Forwarded-For: canary\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\nHost: canary\r\nAuthorization: canary\r\n\r\n",
                $"{hidden.Length:X}\r\n{hidden}\r\n0\r\n\r\n", "A\r\n0\r\n\r\nGET /\r\n0\r\n\r\n", "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", "5;" + new string('x', 20_000) + "\r\nhello\r\n0\r\n\r\n");
            draft.Close = true;
            return;
        }
        // Broken: what is behind the break is never a request.
        draft.Body = draft.Pick(
            $"5\nhello\r\n0\r\n\r\n{hidden}", $"5\rhello\r\n0\r\n\r\n{hidden}", $"5;a\nb\r\nhello\r\n0\r\n\r\n{hidden}", $"5;a\rb\r\nhello\r\n0\r\n\r\n{hidden}", $"5;\n{hidden}", $"0;\n\r\n{hidden}", $"0;\r\r\n\r\n{hidden}", $"2;\nxx\r\n{hidden.Length:x}\r\n{hidden}0\r\n\r\n", $"0x5\r\nhello\r\n0\r\n\r\n{hidden}", $"-5\r\nhello\r\n0\r\n\r\n{hidden}", $"+5\r\nhello\r\n0\r\n\r\n{hidden}",
            $"5\r\nhello{hidden}", $"5\r\nhelloXX0\r\n\r\n{hidden}", $"ffffffffffffffff\r\nhello\r\n0\r\n\r\n{hidden}", $"7fffffff\r\nhello\r\n0\r\n\r\n{hidden}", $"80000000\r\nhello\r\n0\r\n\r\n{hidden}", $"100000005\r\nhello\r\n0\r\n\r\n{hidden}", $"10000000000000005\r\nhello\r\n0\r\n\r\n{hidden}", $"\r\n5\r\nhello\r\n0\r\n\r\n{hidden}", $"g\r\nhello\r\n0\r\n\r\n{hidden}", $"5\r\r\nhello\r\n0\r\n\r\n{hidden}",
            $"\u00b5\r\nhello\r\n0\r\n\r\n{hidden}", $"5\0\r\nhello\r\n0\r\n\r\n{hidden}", $"0\r\n\n{hidden}", $"0\n\n{hidden}", $"0\r\nX-User: canary\n\n{hidden}", $"0\r\nX : y\r\n\r\n{hidden}", $"0\r\n X\r\n\r\n{hidden}", $"5,\r\nhello\r\n0\r\n\r\n{hidden}", $"5 5\r\nhello\r\n0\r\n\r\n{hidden}", $" 5\r\nhello\r\n0\r\n\r\n{hidden}", new string('0', 5000) + $"5\r\nhello\r\n0\r\n\r\n{hidden}");
        draft.Ends = false;
    }

    /// <summary>A body that looks like a request, with any method.</summary>
    public static void Body(Draft draft)
    {
        Begin(draft, "body ");
        draft.Method = draft.Pick("GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "FOO");
        draft.Path = draft.Pick("/uaa/x", "/uaa/x", "/accounts/demo", "/admin/x", "/nothing");
        draft.Body = draft.Hidden();
        draft.Add($"Content-Length: {draft.Body.Length}");
        if (draft.Chance(30)) draft.Add("Expect: " + draft.Pick("100-continue", "100-Continue", "100-continue, x", "200-ok", "", "canary"));
        draft.Close = draft.Chance(50);
        draft.Ends = draft.Close;
    }

    /// <summary>Requests in a row, each judged by itself.</summary>
    public static void Pipeline(Draft draft)
    {
        Begin(draft, "pipeline ");
        draft.Method = draft.Pick("GET", "HEAD", "POST", "DELETE");
        draft.Path = draft.Pick("/uaa/x", "/accounts/demo", "/admin/x", "/nothing", "/uaa//x", "/read/x");
        if (draft.Method == "POST") draft.Add("Content-Length: 0");
        draft.Close = false;
        for (draft.Requests = 1; draft.Requests < 5 && draft.Chance(60); draft.Requests++) draft.Behind += draft.Hidden(close: false);
        draft.Behind += draft.Hidden();
        draft.Requests++;
    }

    public static void Upgrade(Draft draft)
    {
        Begin(draft, "upgrade ");
        draft.Method = draft.Pick("GET", "GET", "POST", "OPTIONS", "HEAD", "DELETE");
        draft.Path = draft.Pick("/uaa/x", "/accounts/demo", "/accounts/", "/admin/x");
        draft.Add("Upgrade: " + draft.Pick("websocket", "WebSocket", "h2c", "HTTP/2.0", "SPDY/3.1", "TLS/1.0", "websocket, h2c", "h2c, websocket", "\"websocket\"", "", "canary", "websocket/13"));
        draft.Add("Connection: " + draft.Pick("Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade, HTTP2-Settings", "Upgrade, X-Forwarded-For, traceparent", "Upgrade, close", "Upgrade\r\nConnection: keep-alive"));
        if (draft.Chance(60)) draft.Add("Sec-WebSocket-Version: " + draft.Pick("13", "1337", "", "13, 1337"));
        if (draft.Chance(60)) draft.Add("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
        if (draft.Chance(40)) draft.Add("HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA");
        if (draft.Chance(30))
        {
            draft.Body = draft.Hidden();
            draft.Add($"Content-Length: {draft.Body.Length}");
        }
        else if (draft.Chance(60))
        {
            // No service here switches protocols: what follows is at most the next request of the same caller.
            draft.Behind = draft.Pick("", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + draft.Hidden();
            draft.Requests = 2;
        }
        draft.Close = false;
        draft.Ends = false;
    }

    /// <summary>A caller who hangs up somewhere.</summary>
    public static void Cut(Draft draft)
    {
        Begin(draft, "cut ");
        draft.Path = draft.Pick("/uaa/x", "/accounts/", "/admin/x");
        var hidden = draft.Hidden();
        if (draft.Chance(50))
        {
            draft.Add($"Content-Length: {hidden.Length + draft.Dice.Next(0, 1000)}");
            draft.Body = hidden;
        }
        else
        {
            draft.Add("Transfer-Encoding: chunked");
            draft.Body = $"{hidden.Length:x}\r\n{hidden}\r\n{draft.Pick("0\r\n\r\n", "0\r\n", "0", "", "5\r\nhel")}";
        }
        draft.Share = draft.Dice.NextDouble();
    }

    /// <summary>HTTP/1.0 knows no transfer coding: a length that one side reads and the other does not (RFC 9112 §6.1).</summary>
    public static void OldVersion(Draft draft)
    {
        Begin(draft, "old version ");
        draft.Version = "HTTP/1.0";
        draft.Add("Transfer-Encoding: chunked");
        if (draft.Chance(50)) draft.Add("Connection: keep-alive");
        draft.Body = "0\r\n\r\n" + draft.Hidden();
        draft.Refused = true;
    }

    private static void Begin(Draft draft, string kind)
    {
        draft.Kind += kind;
        draft.Method = "POST";
        draft.Close = false; // the server must see the end of the first to come to the second
        if (draft.Path is not "/uaa/x") draft.Path = draft.Pick("/uaa/x", "/accounts/");
    }
}
