namespace SecureMesh.Sdk;

/// <summary>The service cannot start; the message is one line that tells an operator what is wrong and what to do.</summary>
public sealed class MeshStartException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong and what to do, in one line, without secrets.</param>
    /// <param name="innerException">The cause, for the log.</param>
    public MeshStartException(string message, Exception? innerException = null) : base(message, innerException) { }
}
