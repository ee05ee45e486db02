namespace SecureMesh.Auth.Audit;

internal static class AuditSlice
{
    public static WebApplicationBuilder AddAudit(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<StoredAudit>();
        builder.Services.AddSingleton<IAudit>(services => services.GetRequiredService<StoredAudit>());
        builder.Services.AddHostedService(services => services.GetRequiredService<StoredAudit>());
        return builder;
    }
}
