using System.Diagnostics.CodeAnalysis;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Protocol;

/// <summary>A value, or the answer that says why there is none.</summary>
internal readonly record struct Result<T>(T? Value, Problem? Refusal) where T : class
{
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsSuccess => Refusal is null;

    public static implicit operator Result<T>(T value) => new(value, null);
    public static implicit operator Result<T>(Problem refusal) => new(null, refusal);
}
