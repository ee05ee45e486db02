using System.Diagnostics.CodeAnalysis;

namespace SecureMesh.Config;

/// <summary>A value, or the refusal that the caller gets.</summary>
internal readonly record struct Result<T>
{
    private Result(T? value, ConfigError? error) => (Value, Error) = (value, error);

    public T? Value { get; }
    public ConfigError? Error { get; }

    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsSuccess => Error is null;

    public static implicit operator Result<T>(T value) => new(value, null);
    public static implicit operator Result<T>(ConfigError error) => new(default, error);
}
