namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>A request in the making: good as it stands, until a trick is played on it.</summary>
internal sealed class Draft(Random dice, int number)
{
    public Random Dice { get; } = dice;

    public int Number { get; } = number;

    public string Kind { get; set; } = "";

    public string Method { get; set; } = "GET";

    public string Path { get; set; } = "/uaa/x";

    /// <summary>Behind the path, with the mark by which a service tells whose request it is.</summary>
    public string Query { get; set; } = $"?m={number}";

    public string Version { get; set; } = "HTTP/1.1";

    public string LineEnd { get; set; } = "\r\n";

    public string Host { get; set; } = "Host: localhost";

    /// <summary>Header lines without their ends.</summary>
    public List<string> Lines { get; } = [$"User-Agent: fuzz/{number}"];

    public string Body { get; set; } = "";

    /// <summary>Whole requests behind this one.</summary>
    public string Behind { get; set; } = "";

    public IReadOnlyList<string> Scopes { get; set; } = [];

    public int Requests { get; set; } = 1;

    public bool Refused { get; set; }

    public bool Ends { get; set; } = true;

    public bool Close { get; set; } = true;

    /// <summary>How much of the text is sent before the caller hangs up; null: all.</summary>
    public double? Share { get; set; }

    /// <summary>A request that must never be taken for one: at a closed path, or at an open one.</summary>
    public string Hidden(bool close = true) =>
        $"GET {Pick("/admin/x", "/uaa/x", "/accounts/current")}?m={Number}-hidden HTTP/1.1\r\nHost: localhost\r\nUser-Agent: fuzz/{Number}-hidden\r\n{(close ? "Connection: close\r\n" : "")}\r\n";

    public void Add(string line) => Lines.Insert(Dice.Next(Lines.Count + 1), line);

    public string Pick(params string[] texts) => texts[Dice.Next(texts.Length)];

    public bool Chance(int percent) => Dice.Next(100) < percent;

    public Variant Build()
    {
        if (Close) Lines.Add("Connection: close");
        var head = string.Concat(new[] { Host }.Where(line => line.Length > 0).Concat(Lines).Select(line => line + LineEnd));
        var text = $"{Method} {Path}{Query} {Version}{LineEnd}{head}{LineEnd}{Body}{Behind}";
        if (Share is { } share) text = text[..(int)(text.Length * share)];
        var cuts = Chance(25) ? Enumerable.Range(0, Dice.Next(1, 4)).Select(_ => Dice.Next(text.Length + 1)).Order().ToList() : [];
        return new Variant(Number, Kind, text) { Scopes = Scopes, Method = Method.Trim(), Requests = Requests, Refused = Refused, Ends = Ends && Share is null, Cuts = cuts };
    }
}
