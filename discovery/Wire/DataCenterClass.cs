namespace SecureMesh.Discovery.Wire;

/// <summary>The type hint of a data centre, which Java clients need to choose their class.</summary>
internal static class DataCenterClass
{
    public static string Of(string name) => name == "Amazon"
        ? "com.netflix.appinfo.AmazonInfo"
        : "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";
}
