namespace SecureMesh.Auth.Login;

internal static class LoginSlice
{
    public static WebApplicationBuilder AddLogin(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IPasscodes, Passcodes>();
        return builder;
    }
}
