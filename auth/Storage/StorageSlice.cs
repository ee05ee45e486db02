using Microsoft.AspNetCore.DataProtection.Repositories;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Dpop;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Clients.Administration;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Logout;
using SecureMesh.Auth.Passports;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Scim;
using SecureMesh.Auth.Seed;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Auth.Token.Trust;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal static class StorageSlice
{
    /// <summary>The stores of all slices in one SQL database: SQLite, or PostgreSQL by <c>mesh:database</c>.</summary>
    public static WebApplicationBuilder AddStorage(this WebApplicationBuilder builder)
    {
        builder.AddMeshStore("auth", typeof(StorageSlice).Assembly);
        Dapper.DefaultTypeMap.MatchNamesWithUnderscores = true;
        var services = builder.Services;
        services.AddSingleton<IClients, SqlClients>();
        services.AddSingleton<IUsers, SqlUsers>();
        services.AddSingleton<Endings>();
        services.AddSingleton<IClientRegistrations, SqlClientRegistrations>();
        services.AddSingleton<IUserDirectory, SqlUserDirectory>();
        services.AddSingleton<ISignInFailures, SqlSignInFailures>();
        services.AddSingleton<IRefreshTokens, SqlRefreshTokens>();
        services.AddSingleton<IDeviceCodes, SqlDeviceCodes>();
        services.AddSingleton<SqlRevocations>();
        services.AddSingleton<IRevocations>(provider => provider.GetRequiredService<SqlRevocations>());
        services.AddSingleton<IRevocationRows>(provider => provider.GetRequiredService<SqlRevocations>());
        services.AddSingleton<ITransactionStore, SqlTransactions>();
        services.AddSingleton<IPushedRequests, SqlPushedRequests>();
        services.AddSingleton<IAuthorizationCodes, SqlAuthorizationCodes>();
        services.AddSingleton<IPrunable, PrunableFamilies>();
        services.AddSingleton<IPrunable, PrunableAuthorizations>();
        services.AddSingleton<IPrunable, PrunableDeviceCodes>();
        services.AddSingleton<SqlUsedAssertions>();
        services.AddSingleton<IUsedAssertions>(provider => provider.GetRequiredService<SqlUsedAssertions>());
        services.AddSingleton<IPrunable>(provider => provider.GetRequiredService<SqlUsedAssertions>());
        services.AddSingleton<IPrunable, PrunableRegistrations>();
        services.AddSingleton<IPrunable, PrunableRevocations>();
        services.AddSingleton<IAuditRows, SqlAudit>();
        services.AddSingleton<IBulkRevocation, SqlBulkRevocation>();
        services.AddSingleton<IStoredTokens, SqlStoredTokens>();
        services.AddSingleton<IOpaqueTokens, SqlOpaqueTokens>();
        services.AddSingleton<IApiTokens, SqlApiTokens>();
        services.AddSingleton<IPrunable, PrunableTokens>();
        services.AddSingleton<ISessionStore, SqlSessions>();
        services.AddSingleton<IApprovalStore, SqlApprovals>();
        services.AddSingleton<IPasscodeStore, SqlPasscodes>();
        services.AddSingleton<IAutologins, SqlAutologins>();
        services.AddSingleton<ILogoutNotices, SqlLogoutNotices>();
        services.AddSingleton<IPrunable, PrunableSessions>();
        services.AddSingleton<IPrunable, PrunableDecisions>();
        services.AddSingleton<ISigningKeys, SqlSigningKeys>();
        services.AddSingleton<IClientAssertions, SqlProofs>();
        services.AddSingleton<IPublicClients, SqlPublicClients>();
        services.AddSingleton<IDpopReplays, SqlProofs>();
        services.AddSingleton<IPrunable, PrunableProofs>();
        services.AddSingleton<IPassportKeys, SqlPassportKeys>();
        services.AddSingleton<IPrunable, PrunablePassportKeys>();
        services.AddSingleton<ISealingChecks, SqlSealingChecks>();
        services.AddSingleton<IXmlRepository, SqlKeyRingRepository>();
        services.AddSingleton<IInstallation, SqlInstallation>();
        return builder;
    }
}
