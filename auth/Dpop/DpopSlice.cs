using System.Text.Json;
using SecureMesh.Auth.Metadata;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Dpop;

internal static class DpopSlice
{
    public static WebApplicationBuilder AddDpop(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<DpopAddresses>();
        builder.Services.AddSingleton<DpopProofs>();
        builder.Services.AddSingleton<SenderConstraint>();
        builder.Services.AddSingleton<IMetadata, Advertised>();
        return builder;
    }

    private sealed class Advertised : IMetadata
    {
        public void Write(Utf8JsonWriter json, string address) => json.WriteList("dpop_signing_alg_values_supported", DpopProof.Algorithms);
    }
}
