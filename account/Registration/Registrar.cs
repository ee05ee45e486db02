using System.Data.Common;
using Microsoft.Extensions.Options;
using SecureMesh.Account.Accounts;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

/// <summary>
/// Registers in two places so that from outside it happens in both or in neither: the account is reserved here, its user is
/// created at auth, then the account becomes active. What went wrong half-way is undone at once or, when that fails too or
/// the process ends, by <see cref="UnfinishedRegistrations"/>.
/// </summary>
internal sealed partial class Registrar(
    IRegistrations registrations, UsersAtAuth users, RegistrationTurns turns, IOptions<RegistrationOptions> options, TimeProvider time, ILogger<Registrar> logger)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortestAttempt = TimeSpan.FromSeconds(1);

    /// <param name="request">Who wants an account.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn; what has begun is brought to an end also when nobody waits for it.</param>
    public async Task<RegistrationOutcome> RegisterAsync(RegistrationRequest request, CancellationToken cancellationToken)
    {
        // The demo account is readable by everyone, so its name is taken also where it is not seeded.
        if (request.Name == AccountName.Demo) return new RegistrationOutcome.Taken();

        var start = time.GetTimestamp();
        using var turn = await turns.TakeAsync(cancellationToken);
        if (turn is null) return new RegistrationOutcome.Unavailable(Soon);

        // 1. Reserve the name; this decides between all who want it.
        var key = Entropy.Token();
        if (!await registrations.ReserveAsync(request.Name, key, AccountContent.New, CancellationToken.None)) return new RegistrationOutcome.Taken();

        // 2. Create the user at auth.
        var answer = await CreateUserAsync(request, key, start);
        if (answer == UserAnswer.Done) return await ActivateAsync(request.Name, key); // 3.
        if (answer is UserAnswer.Unknown or UserAnswer.Unanswered) return await UndoAsync(request.Name, key, isOver: answer == UserAnswer.Unknown);

        await registrations.RemoveAsync(key, CancellationToken.None);
        Log.Refused(logger, request.Name.Text, answer);
        return answer switch
        {
            UserAnswer.Exists => new RegistrationOutcome.Taken(),
            UserAnswer.Refused => new RegistrationOutcome.Refused(),
            _ => new RegistrationOutcome.Unavailable(Soon),
        };
    }

    /// <summary>Claims the account, takes the user back, and frees the name; also what is left of a process that ended.</summary>
    /// <param name="username">The name.</param>
    /// <param name="key">The registration key.</param>
    /// <param name="isOver">False while auth may still be at work on a request that was not answered: it could create the user after all.</param>
    /// <returns>False when it must be tried again later.</returns>
    public async Task<bool> TryUndoAsync(string username, string key, bool isOver)
    {
        if (!await registrations.ClaimForUndoAsync(key, CancellationToken.None)) return true;
        if (!await users.UndoAsync(username, key) || !isOver)
        {
            Log.NotUndone(logger, username);
            return false;
        }
        await registrations.RemoveAsync(key, CancellationToken.None);
        Log.Undone(logger, username);
        return true;
    }

    private async Task<UserAnswer> CreateUserAsync(RegistrationRequest request, string key, long start)
    {
        var first = await users.CreateAsync(request.Name.Text, request.Password, key, options.Value.AuthTimeout);
        if (first is UserAnswer.Done or UserAnswer.Exists or UserAnswer.Refused) return first;
        // The key makes it safe to ask again, if there is time: auth creates one user for it at most.
        var left = options.Value.Timeout - RegistrationOptions.UndoTimeout - time.GetElapsedTime(start);
        if (left < ShortestAttempt) return first;
        var second = await users.CreateAsync(request.Name.Text, request.Password, key, left < options.Value.AuthTimeout ? left : options.Value.AuthTimeout);
        // Done and Exists speak for the first request too; a refusal of the second leaves open what became of the first.
        if (second is UserAnswer.Done or UserAnswer.Exists || first == UserAnswer.NotDone) return second;
        return first == UserAnswer.Unanswered || second == UserAnswer.Unanswered ? UserAnswer.Unanswered : UserAnswer.Unknown;
    }

    private async Task<RegistrationOutcome> ActivateAsync(AccountName name, string key)
    {
        try
        {
            if (await registrations.ActivateAsync(key, CancellationToken.None) is { } account)
            {
                Log.Registered(logger, name.Text);
                return new RegistrationOutcome.Registered(account);
            }
        }
        catch (DbException e)
        {
            Log.ActivationFailed(logger, name.Text, e);
        }
        return await UndoAsync(name, key, isOver: true);
    }

    private async Task<RegistrationOutcome> UndoAsync(AccountName name, string key, bool isOver) =>
        // When it could not be undone the name stays reserved until the sweep, so an earlier try would only be told "taken".
        new RegistrationOutcome.Unavailable(await TryUndoAsync(name.Text, key, isOver) ? Soon : UnfinishedRegistrations.Age + UnfinishedRegistrations.Period);

    private static partial class Log
    {
        [LoggerMessage(EventIds.Registered, LogLevel.Information, "Registered {Name}")]
        public static partial void Registered(ILogger logger, string name);

        [LoggerMessage(EventIds.RegistrationRefused, LogLevel.Information, "The registration of {Name} was refused by auth: {Answer}")]
        public static partial void Refused(ILogger logger, string name, UserAnswer answer);

        [LoggerMessage(EventIds.ActivationFailed, LogLevel.Error, "The account of {Name} could not be made active")]
        public static partial void ActivationFailed(ILogger logger, string name, Exception exception);

        [LoggerMessage(EventIds.RegistrationUndone, LogLevel.Warning, "The registration of {Name} was undone")]
        public static partial void Undone(ILogger logger, string name);

        [LoggerMessage(EventIds.RegistrationNotUndone, LogLevel.Warning, "The registration of {Name} could not be undone yet and will be tried again")]
        public static partial void NotUndone(ILogger logger, string name);
    }
}

/// <summary>How a registration ended.</summary>
internal abstract record RegistrationOutcome
{
    internal sealed record Registered(Accounts.Account Account) : RegistrationOutcome;

    /// <summary>The name belongs to somebody.</summary>
    internal sealed record Taken : RegistrationOutcome;

    /// <summary>Auth has stricter rules for names or passwords.</summary>
    internal sealed record Refused : RegistrationOutcome;

    internal sealed record Unavailable(TimeSpan RetryAfter) : RegistrationOutcome;
}
