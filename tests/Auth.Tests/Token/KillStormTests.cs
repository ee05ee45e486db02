using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>The process is killed again and again while it refreshes and redeems codes: nothing that was answered is lost, and nothing is given twice.</summary>
public sealed class KillStormTests
{
    private const int Chains = 4;
    private const int CodesAtOnce = 3;
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_01_T_07_T_09_kills_under_load_lose_no_answer_and_give_nothing_twice(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var storm = new Storm(auth);
        var rounds = Effort.Rounds(3, 200);
        for (var round = 0; round < rounds; round++)
        {
            using var process = Process.Start(AuthProcess.Start(auth.Database.Settings(("mesh:demo", "true"), ("auth:token:refreshTokenGrace", "00:01:00"))))!;
            try
            {
                using var http = new HttpClient { BaseAddress = await AuthProcess.AddressAsync(process) };
                // 1. What the last process answered still counts: the token it gave last is good, the codes it redeemed are spent.
                if (round == 0) await storm.BeginAsync(http);
                else await storm.CheckAnsweredAsync(http);
                // 2. Load, and a sudden end after so many answers: at another place in the work each time.
                await storm.RunAsync(http, process, answers: 1 + (round * 37) % 61);
            }
            finally
            {
                if (!process.HasExited) process.Kill();
                await process.WaitForExitAsync(Cancel);
            }
            // 3. What lies in the database.
            await storm.CheckStoredAsync();
        }
        Assert.True(storm.Refreshed > rounds, $"only {storm.Refreshed} refreshes in {rounds} rounds");
    }

    private sealed class Storm(DemoAuth auth)
    {
        private readonly string[] _chains = new string[Chains];
        private readonly Dictionary<string, int> _redeemed = new(StringComparer.Ordinal);
        private readonly List<string> _shown = [];
        private int _answers;
        private int _stopAfter;
        private int _refreshed;

        public int Refreshed => _refreshed;

        public async Task BeginAsync(HttpClient http)
        {
            for (var i = 0; i < Chains; i++) _chains[i] = Text((await PostAsync(http, "browser:", "grant_type=password&username=demo&password=demo&scope=ui")).Body);
        }

        public async Task RunAsync(HttpClient http, Process process, int answers)
        {
            (_answers, _stopAfter) = (0, answers);
            await Task.WhenAll(Enumerable.Range(0, Chains).Select(chain => RefreshAsync(http, process, chain)).Append(RedeemAsync(http, process)));
        }

        public async Task CheckAnsweredAsync(HttpClient http)
        {
            for (var i = 0; i < Chains; i++)
            {
                var (status, body) = await PostAsync(http, "browser:", $"grant_type=refresh_token&refresh_token={_chains[i]}");
                Assert.True(status == 200, $"the last answer of chain {i} is lost: {status} {body}");
                _chains[i] = Text(body);
            }
            foreach (var code in _shown)
            {
                var (status, body) = await PostAsync(http, "app:appclientsecret", $"grant_type=authorization_code&code={code}");
                if (status == 200) Count(code);
                else Assert.True(status == 400, body);
            }
            _shown.Clear();
            Assert.All(_redeemed.Values, times => Assert.Equal(1, times));
        }

        public async Task CheckStoredAsync()
        {
            await using var database = auth.Database.Open("auth");
            await using var connection = await database.OpenAsync(Cancel);
            Assert.Equal(0, await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM (SELECT family_id FROM refresh_tokens WHERE consumed_at IS NULL GROUP BY family_id HAVING COUNT(*) > 1) AS twice"));
            Assert.Equal(0, await connection.ExecuteScalarAsync<long>(
                """
                SELECT COUNT(*) FROM refresh_families f WHERE revoked_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = f.family_id AND t.consumed_at IS NULL)
                """));
            // Every family of a code that was shown twice is ended; none lives twice.
            Assert.Equal(0, await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM refresh_families f JOIN authorization_codes c ON c.grant_id = f.family_id WHERE c.reused_at IS NOT NULL AND f.revoked_at IS NULL"));
        }

        private async Task RefreshAsync(HttpClient http, Process process, int chain)
        {
            try
            {
                while (!process.HasExited)
                {
                    var (status, body) = await PostAsync(http, "browser:", $"grant_type=refresh_token&refresh_token={_chains[chain]}");
                    Assert.True(status == 200, body);
                    _chains[chain] = Text(body);
                    Interlocked.Increment(ref _refreshed);
                    Answered(process);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // The process is gone; what it had not answered yet may have happened or not.
            }
        }

        // Each code is shown by several at once.
        private async Task RedeemAsync(HttpClient http, Process process)
        {
            try
            {
                while (!process.HasExited)
                {
                    var code = await NewCodeAsync();
                    _shown.Add(code);
                    await Task.WhenAll(Enumerable.Range(0, CodesAtOnce).Select(async _ =>
                    {
                        var (status, body) = await PostAsync(http, "app:appclientsecret", $"grant_type=authorization_code&code={code}");
                        if (status == 200) Count(code);
                        else Assert.True(status == 400, body);
                        Answered(process);
                    }));
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // As above.
            }
        }

        private void Count(string code)
        {
            lock (_redeemed) _redeemed[code] = _redeemed.GetValueOrDefault(code) + 1;
        }

        private void Answered(Process process)
        {
            if (Interlocked.Increment(ref _answers) == _stopAfter) process.Kill();
        }

        private async Task<string> NewCodeAsync()
        {
            var client = (await auth.Services.GetRequiredService<IClients>().FindAsync("uaa", "app", Cancel))!;
            var user = await Given.UserAsync(auth);
            var now = TimeProvider.System.GetUtcNow();
            var code = Entropy.Token();
            Assert.True(await auth.Services.GetRequiredService<IAuthorizationCodes>().TryCompleteAsync(BrowserCookie.Hash(code), new AuthorizationCode
            {
                ZoneId = "uaa",
                ClientId = client.Id,
                UserId = user.Id,
                GrantId = Entropy.HexId(),
                Scopes = ["ui"],
                Resources = [],
                AuthTime = now,
                Details = new SignInDetails(),
                RevSig = RevocationSignature.Of(client, user),
                CreatedAt = now,
                ExpiresAt = now.AddMinutes(10),
            }, null, null, now, Cancel));
            return code;
        }

        private static string Text(string body) => JsonDocument.Parse(body).RootElement.GetProperty("refresh_token").GetString()!;

        private static async Task<(int Status, string Body)> PostAsync(HttpClient http, string client, string form)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token") { Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded") };
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(client)));
            using var response = await http.SendAsync(request, Cancel);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancel));
        }
    }
}
