using System.Globalization;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Limits;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>What each check wanted and what it found, in words.</summary>
internal sealed class CheckDetails(
    Attempt attempt, CredentialFacts? facts, Caller? caller, RouteMatch routes, InstanceLists instances, ITokenRevocations revocations, DateTimeOffset now)
{
    private const int MostInstances = 8;
    private readonly Route? _route = attempt.Route;

    /// <summary>Why the check failed.</summary>
    public string Cause(string check)
    {
        var said = PlainWords.Of(attempt.Refusal?.Cause ?? "", 300);
        return check switch
        {
            Check.Issuer => $"the token is of another issuer: iss is {facts?.Issuer ?? "missing"}, expected is {facts?.IssuerExpected}",
            Check.Audience => $"the token was made for {List(facts?.Audience)}, not for {List(facts?.AudienceExpected)}",
            Check.Token when said.StartsWith(Check.OfType, StringComparison.Ordinal) => $"{said}: it is {facts?.Typ ?? "missing"}",
            Check.Lifetime => LifetimeCause(said),
            Check.Revocation when attempt.Refusal?.Problem.Reason == Reasons.Invalid => RevocationCause(said),
            Check.Scopes => $"the route wants {Wanted()}; the caller holds {List(caller?.Scopes ?? facts?.Scopes)}",
            Check.Route => RouteCause(said),
            Check.Service => $"{_route?.Service} answered {attempt.Answered}",
            Check.Destination => Tried() is { } tried ? $"{said} (tried: {tried})" : said,
            _ => said,
        };
    }

    /// <summary>What there is to say of a check that did not fail.</summary>
    public string Of(string check) => check switch
    {
        Check.Request => $"{PlainWords.Of(attempt.Http.Request.Method, 20)} {PlainWords.PathOf(attempt.Http.Request)} at {PlainWords.Of(attempt.Http.Request.Host.Value ?? "no host", 80)}: one reading",
        Check.Route => _route is null ? "none" : $"{_route.Id}: {string.Join(',', _route.Methods)}{(_route.Methods.Count > 0 ? " " : "")}{_route.Path} to {_route.Service}{(_route.Public ? ", access: public: no credential is asked for" : "")}",
        Check.Limits => Limits(("address", _route?.Limits.PerAddress), ("route", _route is { Public: true } ? _route.Limits.Total : null)),
        Check.Credential => $"{(facts is null ? "none" : attempt.Facts is not null ? facts.Kind : $"{facts.Kind}, {facts.Scheme}, {facts.Length} characters")}; the route takes {Kinds()}",
        Check.Token => $"typ {facts?.Typ ?? "-"}, alg {facts?.Alg ?? "-"}, jti {facts?.TokenId ?? "-"}, sub {facts?.Subject ?? "-"}, client {facts?.ClientId ?? "-"}",
        Check.Issuer => $"iss {facts?.Issuer ?? "-"}, expected {facts?.IssuerExpected ?? "-"}",
        Check.Key => $"kid {facts?.Kid ?? "-"}{(facts?.Verified == true ? ", the signature verifies" : "")}",
        Check.Audience => $"aud {List(facts?.Audience)}, expected {List(facts?.AudienceExpected)}",
        Check.Lifetime => facts?.ExpiresAt is null ? "exp -" : $"iat {Distance(facts.IssuedAt)}, nbf {Distance(facts.NotBefore)}, exp {Distance(facts.ExpiresAt)}",
        Check.Auth => "auth stands by it",
        Check.Revocation => $"{Feed()}; while it is cut this route is {_route?.Revocation.ToString().ToLowerInvariant()}",
        Check.Proof => facts?.BoundTo is { } bound ? $"bound by {bound}" : "not bound to a key",
        Check.Scopes => $"wanted {Wanted()}; held: {List(caller?.Scopes ?? facts?.Scopes)}",
        Check.Policy => PolicyText(),
        Check.CallerLimits => Limits(("subject", _route?.Limits.PerSubject), ("client", _route?.Limits.PerClient), ("route", _route is { Public: false } ? _route.Limits.Total : null)),
        Check.Relay => _route?.Relay.ToString().ToLowerInvariant() ?? "-",
        Check.Destination => Tried() ?? Up(),
        _ => attempt.IsDryRun ? "a dry run sends nothing" : "it judges the request itself",
    };

    private string LifetimeCause(string said) =>
        facts?.ExpiresAt is { } end && end <= now ? $"the token expired {Span(now - end)} ago ({UtcSecondsConverter.Text(end)})"
        : facts?.NotBefore is { } start && start > now ? $"the token is not valid before {UtcSecondsConverter.Text(start)}, in {Span(start - now)}"
        : facts is { Kind: "jwt", ExpiresAt: null } ? "the token has no expiry"
        : said;

    private string RevocationCause(string said)
    {
        if (Revoked.Of(revocations, attempt.Http, caller) is not { } by) return said;
        return $"revoked by its {by.Level}{(by.NotBefore is { } before ? $": everything issued before {UtcSecondsConverter.Text(before)}" : "")}";
    }

    private string RouteCause(string said)
    {
        var methods = routes.WithPath(attempt.Http.Request.Path).SelectMany(route => route.Methods).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return methods.Count == 0 ? said : $"{said}; the path has routes for {string.Join(", ", methods)}";
    }

    private string Wanted() => _route is null ? "-" : string.Join(" and ", new[]
    {
        _route.Policy.AnyScope.Count > 0 ? "any of " + string.Join(' ', _route.Policy.AnyScope) : null,
        _route.Policy.AllScopes.Count > 0 ? "all of " + string.Join(' ', _route.Policy.AllScopes) : null,
    }.OfType<string>().DefaultIfEmpty("none"));

    private string PolicyText()
    {
        if (_route is null or { Policy: { Subjects.Count: 0, Claims.Count: 0 } }) return "every subject, no claims asked for";
        var claims = _route.Policy.Claims.Select(claim => $"{claim.Key} of {string.Join(' ', claim.Value)}");
        return PlainWords.Of(string.Join("; ", [_route.Policy.Subjects.Count > 0 ? $"{_route.Policy.Subjects.Count} subjects" : "every subject", .. claims]), 300);
    }

    private string Kinds() => string.Join(", ", _route?.Credentials.Select(kind => kind.Name()) ?? []);

    private string Feed() => revocations.IsCurrent ? "not revoked, the feed is current"
        : revocations.Silence == TimeSpan.MaxValue ? "not known to be revoked, the feed was never complete"
        : $"not known to be revoked, the feed is silent for {Span(revocations.Silence)}";

    private string? Tried() => attempt.Exchange is { Tries: > 0, Tried: var tried } ? string.Join(", ", tried.Take(MostInstances).Select((instance, at) => attempt.Exchange.Failures is { } failures && at < failures.Count ? $"{Name(instance)} ({PlainWords.Of(failures[at])})" : Name(instance))) : null;

    private string Up() => _route is null ? "-"
        : instances.Of(_route.Service) is { Length: > 0 } up ? $"{_route.Service}: {string.Join(", ", up.Take(MostInstances).Select(Name))}"
        : $"no instance of {_route.Service} is UP";

    private static string Name(Instance instance) => PlainWords.Of($"{instance.Id} at {instance.Address.GetLeftPart(UriPartial.Authority)}");

    private static string Limits(params (string Of, RateLimit? Limit)[] limits)
    {
        var set = limits.Where(limit => limit.Limit is not null).Select(limit => string.Create(CultureInfo.InvariantCulture, $"{limit.Limit!.Requests} in {Span(limit.Limit.Period)} per {limit.Of}")).ToList();
        return set.Count == 0 ? "none" : string.Join(", ", set);
    }

    private string Distance(DateTimeOffset? moment) => moment is not { } at ? "-" : at <= now ? $"{Span(now - at)} ago" : $"in {Span(at - now)}";

    internal static string Span(TimeSpan span) => span switch
    {
        { TotalSeconds: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Round(span.TotalSeconds):0} s"),
        { TotalMinutes: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalMinutes):0} min"),
        { TotalHours: < 48 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalHours):0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalDays):0} d"),
    };

    private static string List(IReadOnlyList<string>? texts) => texts is { Count: > 0 } ? PlainWords.Of(string.Join(' ', texts), 300) : "nothing";
}

/// <summary>By which level the credential of a request was ended.</summary>
internal static class Revoked
{
    public static (string Level, DateTimeOffset? NotBefore)? Of(ITokenRevocations revocations, HttpContext http, Caller? caller)
    {
        if (caller is not null) return RevokedBy.Of(revocations, caller.Marks);
        return Presented.Read(http.Request.Headers.Authorization, out _) is { Kind: CredentialKind.Jwt } jwt && UnverifiedMarks.Of(jwt.Text) is { } marks ? RevokedBy.Of(revocations, marks) : null;
    }
}
