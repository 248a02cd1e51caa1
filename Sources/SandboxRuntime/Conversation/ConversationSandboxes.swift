/// The sandboxes of a conversation: taken together, closed together.

import SandboxAPI

/// Takes a sandbox for each participant.
///
/// A conversation that holds one sandbox and waits for the next could wait for another one that does the same. So of each
/// backend only one conversation at a time takes sandboxes; the others wait holding none.
enum ConversationSandboxes {
    /// - Returns: a sandbox for each participant, in their order.
    /// - Throws: the error of a backend, or `.cancelled`; nothing is held then.
    static func take(
        _ participants: [Participant]
    ) async throws(ConversationFailure) -> [any SandboxLease] {
        // In one order everywhere, so that two conversations never wait for each other's second turn.
        let backends = Set(participants.compactMap { $0.backendIdentity }).sorted()
        var entered: [ObjectIdentifier] = []
        defer { for backend in entered { TakingTurns.end(backend) } }
        for backend in backends {
            guard await TakingTurns.begin(backend) else {
                throw ConversationFailure(nil, SandboxError.runCancelled)
            }
            entered.append(backend)
        }
        var taken: [any SandboxLease] = []
        for participant in participants {
            do throws(SandboxError) {
                switch participant.place {
                case .sandbox(let sandbox): taken.append(sandbox)
                case .backend(let backend, let options): taken.append(try await backend.acquire(options))
                }
            } catch {
                await giveBack(taken, of: participants)
                throw ConversationFailure(participant.name, error)
            }
        }
        return taken
    }

    /// Closes those that were taken from a backend.
    static func giveBack(_ sandboxes: [any SandboxLease], of participants: [Participant]) async {
        for (sandbox, participant) in zip(sandboxes, participants) {
            if case .backend = participant.place { await sandbox.close() }
        }
    }
}

/// Whose turn it is to take sandboxes of a backend, in order of arrival.
private enum TakingTurns {
    private struct Entry: Sendable {
        var id: Int
        var waiter: Waiter<Bool>
    }

    private struct State: Sendable {
        /// By backend, while somebody has its turn: who waits for the next.
        var lines: [ObjectIdentifier: [Entry]] = [:]
        var last = 0
    }

    private static let state = Locked(State())

    /// Waits for a turn, which ``end(_:)`` ends.
    ///
    /// - Returns: false when the task was cancelled: it has no turn then.
    static func begin(_ backend: ObjectIdentifier) async -> Bool {
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        return await withTaskCancellationHandler {
            await state.answer { state, waiter in
                // A cancellation that comes later than this finds the entry.
                if Task.isCancelled { return false }
                guard state.lines[backend] != nil else {
                    state.lines[backend] = []
                    return true
                }
                state.lines[backend]?.append(Entry(id: id, waiter: waiter))
                return nil
            }
        } onCancel: {
            state.withLock { state -> Waiter<Bool>? in
                guard let place = state.lines[backend]?.firstIndex(where: { $0.id == id }) else { return nil }
                return state.lines[backend]?.remove(at: place).waiter
            }?.resume(returning: false)
        }
    }

    static func end(_ backend: ObjectIdentifier) {
        state.withLock { state -> Waiter<Bool>? in
            guard let line = state.lines[backend], !line.isEmpty else {
                state.lines[backend] = nil
                return nil
            }
            return state.lines[backend]?.removeFirst().waiter
        }?.resume(returning: true)
    }
}

extension Participant {
    /// The backend's identity, where it is an object and a sandbox is to be taken from it.
    fileprivate var backendIdentity: ObjectIdentifier? {
        guard case .backend(let backend, _) = place, type(of: backend) is AnyObject.Type else { return nil }
        return ObjectIdentifier(backend as AnyObject)
    }
}
