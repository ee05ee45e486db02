using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Sessions;

internal static class SessionsSlice
{
    public static WebApplicationBuilder AddSessions(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<SessionOptions, SessionOptionsValidator>("auth:sessions");
        builder.Services.AddSingleton<LogoutBell>();
        builder.Services.AddSingleton<ISessions, BrowserSessions>();
        return builder;
    }
}
