using SecureMesh.Sdk;

namespace SecureMesh.Cli.Terminal;

/// <summary>What scripts can rely on; the table of docs/cli.md.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The request was refused, or what was asked for is not so (a mesh that is not up).</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>There is no sign-in, or it has ended, or the token was not accepted.</summary>
    public const int NotSignedIn = 3;

    /// <summary>Signed in, but not allowed.</summary>
    public const int Forbidden = 4;

    /// <summary>The mesh does not answer, or not now; the same call may succeed later.</summary>
    public const int Unreachable = 5;

    /// <summary>A fault of this program (EX_SOFTWARE of sysexits.h).</summary>
    public const int Unexpected = 70;

    /// <summary>Something must be changed first: a setting, a file, the machine (EX_CONFIG of sysexits.h).</summary>
    public const int Configuration = MeshProgram.CannotStart;

    public const int Interrupted = 130;

    public const int Terminated = 143;

    /// <summary>The stable word for it, member <c>error</c> of <c>--output json</c>.</summary>
    public static string Word(int code) => code switch
    {
        Usage => "usage",
        NotSignedIn => "not_signed_in",
        Forbidden => "forbidden",
        Unreachable => "unreachable",
        Unexpected => "unexpected",
        Configuration => "configuration",
        Interrupted or Terminated => "interrupted",
        _ => "failed",
    };
}
