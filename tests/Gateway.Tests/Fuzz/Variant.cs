using System.Text;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>One connection of a hostile caller: the bytes, and what the standard and the policy say about them.</summary>
internal sealed record Variant(int Number, string Kind, string Text)
{
    /// <summary>Scopes of the token with which the requests come; the hidden ones have none.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>The method of the first request, which no service may see changed.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>How many requests the caller may have answered: what the strictest reader of the bytes counts, or more.</summary>
    public int Requests { get; init; } = 1;

    /// <summary>No reader may take this for a request: nothing reaches a service, and the answer is a refusal.</summary>
    public bool Refused { get; init; }

    /// <summary>The connection ends by itself; else the caller hangs up after a moment without news.</summary>
    public bool Ends { get; init; } = true;

    /// <summary>Where the bytes are cut into pieces that travel alone.</summary>
    public IReadOnlyList<int> Cuts { get; init; } = [];

    public byte[] Bytes => Encoding.Latin1.GetBytes(Text);

    public override string ToString() => $"variant {Number} ({Kind}), at most {Requests}{(Refused ? ", to be refused" : "")}:\n{Text.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\0", "\\0", StringComparison.Ordinal)}";
}
