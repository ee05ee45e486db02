using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using SecureMesh.Tests.Support;

namespace SecureMesh.EndToEnd;

/// <summary>A mesh started with <c>./mesh up --detach</c>, on ports, data and configuration of its own.</summary>
internal sealed class RunningMesh : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string[] _options;

    public RunningMesh(params string[] options)
    {
        _options = options;
        Repository.CopyConfiguration(Configuration);
        Url = new Uri($"http://localhost:{PortBase}");
    }

    public int PortBase { get; } = FreePorts();

    public Uri Url { get; }

    public string Data => Path.Combine(_folder.Path, "data");

    public string Configuration => Path.Combine(_folder.Path, "configuration");

    public int AuthPort => PortBase + 1;

    public int AccountPort => PortBase + 2;

    public int ConfigPort => PortBase + 8;

    public int RegistryPort => PortBase + 9;

    /// <summary>A client that follows no redirects and keeps no cookies; through the gateway unless a request names another address.</summary>
    public HttpClient Http { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromSeconds(5) }) { Timeout = TimeSpan.FromSeconds(30) };

    public Task<Ended> MeshAsync(params string[] arguments) => Repository.RunAsync(Path.Combine(Repository.Root, "mesh"), arguments, _folder.Path);

    public Task<Ended> UpAsync(params string[] more) =>
        MeshAsync(["up", "--detach", "--port-base", $"{PortBase}", "--data", Data, "--config", Configuration, .. _options, .. more]);

    public async Task StartAsync(params string[] more)
    {
        var ended = await UpAsync(more);
        if (ended.ExitCode != 0) throw new InvalidOperationException($"./mesh up ended with {ended.ExitCode}\n{ended.Output}\n{ended.Error}");
    }

    public Task<Ended> DownAsync() => MeshAsync("down", "--data", Data);

    /// <summary>What <c>./mesh status --output json</c> says.</summary>
    public async Task<IReadOnlyList<Instance>> StatusAsync()
    {
        var ended = await MeshAsync("status", "--data", Data, "--output", "json");
        return JsonSerializer.Deserialize<List<Instance>>(ended.Output, JsonSerializerOptions.Web) ?? throw new InvalidOperationException(ended.Error);
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? token = null, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Url, path)) { Content = content };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request);
        return await Answer.FromAsync(response);
    }

    public Task<Answer> GetAsync(string path, string? token = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, token, null, headers);

    public Task<Answer> JsonAsync(HttpMethod method, string path, string json, string? token = null) =>
        SendAsync(method, path, token, new StringContent(json, Encoding.UTF8, "application/json"));

    public Task<Answer> TokenAsync(string client, string secret, params (string Name, string Value)[] form) => TokenRequestAsync("/uaa/oauth/token", client, secret, form);

    /// <summary>A form in the name of a client.</summary>
    public Task<Answer> TokenRequestAsync(string path, string client, string secret, params (string Name, string Value)[] form)
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client}:{secret}"));
        var content = new FormUrlEncodedContent(form.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return SendAsync(HttpMethod.Post, path, null, content, ("Authorization", "Basic " + basic));
    }

    /// <summary>Signs in as the reference's browser does.</summary>
    public Task<Answer> SignInAsync(string user, string password, string scope = "ui", params (string Name, string Value)[] more) =>
        TokenAsync("browser", "", [("grant_type", "password"), ("username", user), ("password", password), ("scope", scope), .. more]);

    public async Task<string> UserTokenAsync(string user = "demo", string password = "demo", string scope = "ui", params (string Name, string Value)[] more) =>
        (await SignInAsync(user, password, scope, more)).Expect(200).Text("access_token");

    public async Task<string> ServerTokenAsync(params (string Name, string Value)[] more) =>
        (await TokenAsync("account-service", "account-secret", [("grant_type", "client_credentials"), ("scope", "server"), .. more])).Expect(200).Text("access_token");

    /// <summary>Waits until the condition holds; says what was awaited when it never does.</summary>
    public static async Task<TimeSpan> EventuallyAsync(string what, Func<Task<bool>> holds, TimeSpan? limit = null)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < (limit ?? TimeSpan.FromSeconds(30)))
        {
            try
            {
                if (await holds()) return watch.Elapsed;
            }
            catch (HttpRequestException)
            {
                // Not there yet: this is what is being waited for.
            }
            await Task.Delay(50);
        }
        throw new TimeoutException("never happened: " + what);
    }

    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(Data)) await DownAsync();
        Http.Dispose();
        if (Environment.GetEnvironmentVariable("MESH_TEST_KEEP") is null) _folder.Dispose();
    }

    private static int FreePorts()
    {
        // Ten ports in a row below the ephemeral range, so that no outgoing connection takes one in between.
        for (var candidate = 21000 + Environment.ProcessId % 500 * 20; candidate < 32000; candidate += 20)
        {
            try
            {
                var listeners = Enumerable.Range(candidate, 10).Select(port => new TcpListener(IPAddress.Loopback, port)).ToList();
                try
                {
                    listeners.ForEach(listener => listener.Start());
                    return candidate;
                }
                finally
                {
                    listeners.ForEach(listener => listener.Dispose());
                }
            }
            catch (SocketException)
            {
                // Taken: try the next ten.
            }
        }
        throw new InvalidOperationException("no ten free ports in a row");
    }
}

/// <summary>One process of the mesh as <c>./mesh status</c> shows it.</summary>
internal sealed record Instance(string Service, int Number, int? Pid, int Port, string State, int Restarts);

/// <summary>An HTTP answer, read whole.</summary>
internal sealed record Answer(int Status, string Body, HttpResponseHeaders Headers, string? MediaType)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public static async Task<Answer> FromAsync(HttpResponseMessage response) =>
        new((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers, response.Content.Headers.ContentType?.MediaType);

    public string Text(string member) => Json.GetProperty(member).GetString()!;

    public string? Header(string name) => Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    public Answer Expect(int status) => Status == status ? this : throw new InvalidOperationException($"expected {status}, got {Status}: {Body}");
}
