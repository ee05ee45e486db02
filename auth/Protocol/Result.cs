using System.Diagnostics.CodeAnalysis;

namespace SecureMesh.Auth.Protocol;

/// <summary>A value, or the reason why there is none: what a client can cause is never an exception.</summary>
internal readonly struct Result<T, TError> where T : notnull where TError : class
{
    private Result(T? value, TError? error) => (Value, Error) = (value, error);

    public T? Value { get; }

    public TError? Error { get; }

    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsSuccess => Error is null;

    /// <summary>For an interface, from which C# converts nothing implicitly.</summary>
    public static Result<T, TError> Of(T value) => new(value, null);

    public static implicit operator Result<T, TError>(T value) => new(value, null);

    public static implicit operator Result<T, TError>(TError error) => new(default, error);
}
