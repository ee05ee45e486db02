namespace SecureMesh.Auth.Approvals;

internal static class ApprovalsSlice
{
    public static WebApplicationBuilder AddApprovals(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UserApprovals>();
        builder.Services.AddSingleton<IApprovals>(services => services.GetRequiredService<UserApprovals>());
        return builder;
    }
}
