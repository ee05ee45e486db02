namespace SecureMesh.Cli.Start;

/// <summary>
/// The administrator's secret is made at the first start in production and shown once; a person keeps it, so a later start
/// leaves it alone. Only the fact that it was shown is noted, never the secret.
/// </summary>
internal static class AdminSecret
{
    public static bool WasShown(string data) => File.Exists(Note(data));

    public static void NoteShown(string data) => File.WriteAllText(Note(data), "The secret of the client admin was shown on the terminal. ./mesh up --production --new-admin-secret makes another.\n");

    private static string Note(string data) => Path.Combine(data, "admin-secret-was-shown");
}
