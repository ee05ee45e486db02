using System.Net;
using System.Net.Http.Headers;
using SecureMesh.Cli.Credentials;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>Calls to a mesh with the caller's token, renewed once when it is refused.</summary>
internal sealed class MeshCalls : IDisposable
{
    public MeshCalls(Shell shell, string? url)
    {
        Target = Target.Of(shell, url);
        File = new CredentialsFile(shell);
        Wire = new Wire(Target, shell.Clock);
        Access = new Access(shell, File, Wire);
    }

    public Target Target { get; }

    public CredentialsFile File { get; }

    public Access Access { get; }

    public Wire Wire { get; }

    public void Dispose() => Wire.Dispose();

    /// <summary>Sends what <paramref name="make"/> makes; asked for a second one when the first was a 401 and there is a newer token.</summary>
    /// <param name="make">Makes the request; it may be sent twice.</param>
    /// <param name="token">The token to send; null: none.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<(HttpResponseMessage Response, Bearer? Token)> SendAsync(Func<HttpRequestMessage> make, Bearer? token, CancellationToken cancellationToken)
    {
        var response = await SendOnceAsync(make, token, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || token is null) return (response, token);
        if (await Access.ReplaceAsync(token, cancellationToken).ConfigureAwait(false) is not { } other) return (response, token);
        response.Dispose();
        return (await SendOnceAsync(make, other, cancellationToken).ConfigureAwait(false), other);
    }

    /// <summary>A call of this program's own whose answer is JSON.</summary>
    /// <exception cref="CommandFailure">Nobody is signed in, or the mesh refused.</exception>
    public async Task<WireAnswer> AskAsync(HttpMethod method, string path, byte[]? json, CancellationToken cancellationToken)
    {
        var address = Target.At(path);
        HttpRequestMessage Make()
        {
            var request = new HttpRequestMessage(method, address);
            request.Headers.Accept.Add(new("application/json"));
            if (json is not null) request.Content = new ByteArrayContent(json) { Headers = { ContentType = new("application/json") } };
            return request;
        }

        var token = await Access.NeedAsync(cancellationToken).ConfigureAwait(false);
        return await Wire.WithinAsync(
            async cancel =>
            {
                var (response, sent) = await SendAsync(Make, token, cancel).ConfigureAwait(false);
                using (response)
                {
                    var answer = await WireAnswer.ReadAsync(response, cancel).ConfigureAwait(false);
                    return answer.IsSuccess ? answer : throw Refusal.Explain(answer, sent);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> make, Bearer? token, CancellationToken cancellationToken)
    {
        using var request = make();
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
        return await Wire.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }
}
