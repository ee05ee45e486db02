using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Login;

internal static class LoginSlice
{
    public static WebApplicationBuilder AddLogin(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<Antiforgery>();
        services.AddSingleton<InfoEndpoint>();
        services.AddSingleton<SignInEndpoint>();
        services.AddSingleton<ConsentEndpoint>();
        services.AddSingleton<DeviceTries>();
        services.AddSingleton<DeviceEndpoint>();
        services.AddSingleton<IPasscodes, Passcodes>();
        services.AddSingleton<PasscodeEndpoint>();
        services.AddSingleton<AutologinEndpoint>();
        services.AddSingleton<HomeEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapLogin(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        var signIn = services.GetRequiredService<SignInEndpoint>();
        routes.MapUaa(Addresses.SignIn, ("GET", signIn.PageAsync));
        routes.MapUaa(Addresses.SignInPost, ("POST", signIn.PostAsync));
        var consent = services.GetRequiredService<ConsentEndpoint>();
        routes.MapUaa(Addresses.Consent, ("GET", consent.PageAsync), ("POST", consent.PostAsync));
        var device = services.GetRequiredService<DeviceEndpoint>();
        routes.MapUaa(Addresses.Device, ("GET", device.PageAsync), ("POST", device.PostAsync));
        routes.MapUaa(Addresses.Passcode, ("GET", services.GetRequiredService<PasscodeEndpoint>().HandleAsync));
        routes.MapUaa(Addresses.Home, ("GET", services.GetRequiredService<HomeEndpoint>().PageAsync));
        routes.MapUaa(Addresses.Info, ("GET", services.GetRequiredService<InfoEndpoint>().HandleAsync));
        var autologin = services.GetRequiredService<AutologinEndpoint>();
        routes.MapUaa(Addresses.Autologin, ("GET", autologin.PageAsync), ("POST", autologin.CreateAsync));
        routes.MapUaa(Addresses.Authenticate, ("POST", autologin.AuthenticateAsync));
        routes.MapUaa("/uaa/resources/pages.css", ("GET", Stylesheet.CssAsync));
        routes.MapUaa("/uaa/resources/icon.svg", ("GET", Stylesheet.IconAsync));
        return routes;
    }
}
