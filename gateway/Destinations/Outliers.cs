using SecureMesh.Gateway.Protocol;

namespace SecureMesh.Gateway.Destinations;

/// <summary>Tells the instances how their requests went, takes out of service who fails and puts back who answers again.</summary>
internal sealed partial class Outliers(InstanceLists lists, TimeProvider time, ILogger<Outliers> logger)
{
    /// <summary>The instance has begun to answer.</summary>
    public void Answered(Instance instance, int era, bool probe, int status)
    {
        if (status is StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status504GatewayTimeout)
        {
            Failed(instance, era, probe, Trouble.Erring);
            return;
        }
        if (instance.Standing.IsSpotless || !instance.Standing.Succeeded(era, time.GetElapsedTime(0))) return;
        Log.Back(logger, instance.Id);
        lists.Refresh(instance);
    }

    /// <summary>The instance has failed the request.</summary>
    public void Failed(Instance instance, int era, bool probe, Trouble trouble)
    {
        var before = instance.Standing.Outage;
        if (instance.Standing.Failed(era, trouble, probe, time.GetElapsedTime(0)) is not { } outage) return;
        // Once when it goes, not at every try to find it back.
        if (before is null) Log.Ejected(logger, instance.Id, Words(outage.Trouble), (int)(outage.Until - time.GetElapsedTime(0)).TotalSeconds);
        lists.Refresh(instance);
    }

    public static string Words(Trouble trouble) => trouble switch
    {
        Trouble.Unreachable => "could not be reached",
        Trouble.Silent => "breaks off or does not answer in time",
        _ => "answers with errors",
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.DestinationFailed, LogLevel.Warning, "The instance {Instance} {Trouble} and is ejected for {Seconds} s")]
        public static partial void Ejected(ILogger logger, string instance, string trouble, int seconds);

        [LoggerMessage(EventIds.DestinationBack, LogLevel.Information, "The instance {Instance} answers again and is back in service")]
        public static partial void Back(ILogger logger, string instance);
    }
}
