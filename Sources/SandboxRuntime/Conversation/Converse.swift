/// Runs programs that talk to each other.

public import SandboxAPI

/// Runs several programs at the same time, each in a sandbox of its own, with their streams connected, to the end of all of
/// them.
///
/// ```swift
/// let result = try await converse(
///     [
///         Participant("solver", Command("python3", ["solver.py"]), in: first),
///         Participant("judge", Command("./judge", ["3"]), in: second),
///     ], connections: Connection.between("solver", "judge"))
/// print(result["judge"]?.result?.outcome ?? "stopped", result.firstToFail?.name ?? "nobody failed")
/// ```
///
/// It works on every backend, and across backends. Where both ends of a connection are on the local backend and there is no
/// transcript, it is one pipe of the kernel from program to program; otherwise this process passes the bytes on
/// (``ConnectionReport/Form``). Either way a writer waits for a slow reader; the reader sees the end of the file when every
/// writer has closed its end, and the writer gets SIGPIPE when the reader has, unless the ``Connection`` says otherwise.
/// Outputs that are not connected are collected.
///
/// A participant that ends in any way is a result. When one has failed, each of the others is ended after its
/// ``Participant/grace``. When all wait for each other, ``DeadlockPolicy`` decides.
///
/// As many sandboxes are needed at one time as there are participants: a backend whose pool's `maximum` is lower makes the
/// caller wait until its `acquireTimeout`.
///
/// - Parameters:
///   - participants: one or more, with names of their own.
///   - connections: which outputs lead where.
///   - transcript: whether to write down what is said.
///   - deadlock: what happens when all wait for each other.
/// - Returns: how each participant ended, who was the first, and what was said.
/// - Throws: `.invalidArgument` for connections that cannot be; the error of a sandbox that could not be made or failed, or
///   of a program that could not be started (`.executableNotFound`): the others are ended first. `.cancelled` when the task
///   is cancelled, once every process of every participant is killed.
public func converse(
    _ participants: [Participant], connections: [Connection], transcript: TranscriptPolicy = .none,
    deadlock: DeadlockPolicy = .end
) async throws(SandboxError) -> ConversationResult {
    do throws(ConversationFailure) {
        return try await converseNaming(
            participants, connections: connections, transcript: transcript, deadlock: deadlock)
    } catch {
        throw error.error
    }
}

/// Why there was no conversation, and because of whom.
package struct ConversationFailure: Error {
    /// The participant's name; `nil`: none of them alone.
    package var participant: String?
    package var error: SandboxError

    package init(_ participant: String?, _ error: SandboxError) {
        self.participant = participant
        self.error = error
    }
}

/// The same; its error tells which participant could not be prepared, started or followed.
package func converseNaming(
    _ participants: [Participant], connections: [Connection], transcript: TranscriptPolicy = .none,
    deadlock: DeadlockPolicy = .end
) async throws(ConversationFailure) -> ConversationResult {
    let plan: ConversationPlan
    do throws(SandboxError) { plan = try checkedPlan(participants, connections, transcript) } catch {
        throw ConversationFailure(nil, error)
    }
    let sandboxes = try await ConversationSandboxes.take(participants)
    let outcome = await perform(participants, in: sandboxes, plan, transcript, deadlock)
    await ConversationSandboxes.giveBack(sandboxes, of: participants)
    return try outcome.get()
}

private func checkedPlan(
    _ participants: [Participant], _ connections: [Connection], _ transcript: TranscriptPolicy
) throws(SandboxError) -> ConversationPlan {
    let hasInput = participants.map { participant in
        if case .none = participant.stdin { false } else { true }
    }
    if case .upTo(let bytes) = transcript { try Validation.check(bytes, "the transcript's bound") }
    return try ConversationPlan(names: participants.map(\.name), hasInput: hasInput, connections: connections)
}

private func perform(
    _ participants: [Participant], in sandboxes: [any SandboxLease], _ plan: ConversationPlan,
    _ transcript: TranscriptPolicy, _ deadlock: DeadlockPolicy
) async -> Result<ConversationResult, ConversationFailure> {
    var plan = plan
    plan.choose(
        takesDescriptors: sandboxes.map { ($0 as? PlacedSandbox)?.takesDescriptors ?? false },
        isRecorded: transcript != .none)
    let conversation: Conversation
    do throws(SandboxError) {
        conversation = try Conversation(participants, sandboxes, plan, transcript, deadlock)
    } catch {
        return .failure(ConversationFailure(nil, error))
    }
    do throws(ConversationFailure) {
        return .success(try await conversation.hold())
    } catch {
        return .failure(error)
    }
}
