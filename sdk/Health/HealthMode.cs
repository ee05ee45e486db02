namespace SecureMesh.Sdk;

/// <summary>
/// <c>PROGRAM --health URL</c>: asks a running service and ends with 0 when it answers with success, else with 1. Container
/// images without a shell have no other way to check themselves.
/// </summary>
internal static class HealthMode
{
    private const string Option = "--health";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <returns>Null when the program was started for something else.</returns>
    public static Uri? Address(IReadOnlyList<string> commandLine) =>
        commandLine is [_, Option, var url] && Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : null;

    public static int Ask(Uri address)
    {
        using var handler = new HttpClientHandler { UseProxy = false };
        // On this machine a certificate proves nothing: it names the public host. Nothing secret is sent.
        if (address.IsLoopback) handler.ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator;
        using var http = new HttpClient(handler) { Timeout = Patience };
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            using var answer = http.Send(request);
            if (answer.IsSuccessStatusCode) return 0;
            Console.Error.WriteLine($"{address} answered {(int)answer.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            Console.Error.WriteLine($"{address} does not answer: {e.Message}");
        }

        return 1;
    }
}
