using Microsoft.AspNetCore.HttpOverrides;
using SecureMesh.Gateway.Listening;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>What is refused before routing, and what is removed before a service sees it.</summary>
internal static class HygieneSlice
{
    public static void AddHygiene(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<HygieneOptions, HygieneOptionsValidator>().BindConfiguration("gateway");
        builder.Services.AddSingleton<RequestGuard>();
    }

    public static void UseHygiene(this WebApplication app)
    {
        var proxies = TrustedProxies.Read(app.Configuration);
        // Without the condition nobody listed would mean everybody believed.
        if (proxies.Count > 0)
        {
            var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = 1 };
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            foreach (var proxy in proxies) options.KnownIPNetworks.Add(proxy);
            app.UseForwardedHeaders(options);
        }
        var guard = app.Services.GetRequiredService<RequestGuard>();
        app.Use(next => http => guard.InvokeAsync(http, next));
    }
}
