namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>Hostile requests without end; seed and number alone decide which.</summary>
internal sealed class Variants(int seed, string uiToken, string adminToken)
{
    private static readonly (int Weight, Action<Draft> Trick)[] _tricks =
    [
        (14, HeaderTricks.Identity), (6, HeaderTricks.Malformed), (3, HeaderTricks.Named), (8, HeaderTricks.Nomination), (2, HeaderTricks.Oversized), (4, HeaderTricks.Doubled),
        (28, TargetTricks.Path), (6, TargetTricks.Form), (4, TargetTricks.Query), (5, TargetTricks.Method), (6, TargetTricks.Host), (4, TargetTricks.Version), (4, TargetTricks.Lines),
        (4, FramingTricks.TwoLengths), (5, FramingTricks.Codings), (2, FramingTricks.FoldedNames), (5, FramingTricks.Lengths), (8, FramingTricks.Chunks), (4, FramingTricks.Body),
        (4, FramingTricks.Pipeline), (4, FramingTricks.Upgrade), (4, FramingTricks.Cut), (1, FramingTricks.OldVersion),
    ];

    private static readonly int _weights = _tricks.Sum(trick => trick.Weight);

    public Variant Next(int number)
    {
        var draft = new Draft(new Random(unchecked((seed * 1_000_003) + number)), number);
        Authenticate(draft);
        Choose(draft)(draft);
        // A hostile header more changes nothing about what the rest is worth.
        if (draft.Chance(25)) HeaderTricks.Identity(draft);
        if (draft.Chance(10) && draft.Close) HeaderTricks.Nomination(draft);
        return draft.Build();
    }

    private void Authenticate(Draft draft)
    {
        draft.Path = draft.Pick("/uaa/x", "/uaa/x", "/accounts/demo", "/accounts/current", "/admin/x", "/read/x", "/nothing");
        switch (draft.Dice.Next(10))
        {
            case 0 or 1:
                draft.Scopes = ["ui"];
                draft.Add($"{draft.Pick("Authorization", "authorization", "AUTHORIZATION")}: {draft.Pick("Bearer", "bearer", "BEARER")} {uiToken}");
                break;
            case 2:
                draft.Scopes = ["uaa.admin"];
                draft.Add("Authorization: Bearer " + adminToken);
                break;
            case 3: // looks like a credential and is none (V-082, X-08)
                draft.Add("Authorization: " + draft.Pick("Bearer canary.canary.canary", "Basic Y2FuYXJ5OmNhbmFyeQ==", $"Bearer  {adminToken}", $"Bearer\t{adminToken}", $"Bearer {adminToken} canary", $"Bearer {adminToken}, Bearer canary", $"Bearer canary, Bearer {adminToken}", $"Bearer={adminToken}", $"Bearer:{adminToken}", adminToken, $"Token {adminToken}", $"\"Bearer {adminToken}\"", "Bearer", "", $"Bearer {adminToken}="));
                break;
            default: break;
        }
    }

    private static Action<Draft> Choose(Draft draft)
    {
        var left = draft.Dice.Next(_weights);
        foreach (var (weight, trick) in _tricks)
        {
            if ((left -= weight) < 0) return trick;
        }
        throw new InvalidOperationException("The weights do not add up.");
    }
}
