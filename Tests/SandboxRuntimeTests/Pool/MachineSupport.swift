/// Helpers for tests of the pool's rules: events, and actions as text.

import SandboxAPI

@testable import SandboxRuntime

func member(_ number: Int) -> PoolMemberID { PoolMemberID(rawValue: number) }

extension PoolStateMachine.Actions {
    /// "create 1, destroy 2, grant 7←3, fail 8, drained": what a test expects, in one string.
    var summary: String {
        var parts = create.map { "create \($0.rawValue)" } + destroy.map { "destroy \($0.rawValue)" }
        parts += reset.map { "reset \($0.rawValue)" } + check.map { "check \($0.rawValue)" }
        parts += grants.map { "grant \($0.waiter)←\($0.lease.member.rawValue)" }
        parts += failures.map { "\($0.reason.word) \($0.waiter)" }
        if drained { parts.append("drained") }
        return parts.joined(separator: ", ")
    }
}

extension PoolStateMachine.Failure {
    fileprivate var word: String {
        switch self {
        case .creationFailed: "fail"
        case .timedOut: "time out"
        case .shutDown: "shut down"
        }
    }
}

extension PoolStateMachine {
    /// The lease of an acquire that must be granted at once.
    mutating func take(_ waiter: WaiterID) throws -> PoolLeaseID {
        guard case .granted(let lease) = acquire(waiter, now: latest) else {
            throw SandboxError(.internalError, message: "waiter \(waiter) was not granted at once")
        }
        return lease
    }

    /// The actions of an acquire that must wait.
    mutating func enqueue(_ waiter: WaiterID, now: Duration = .zero) -> String {
        switch acquire(waiter, now: now) {
        case .granted(let lease): "granted \(lease.member.rawValue)"
        case .waiting(let actions): actions.summary
        case .refused: "refused"
        }
    }

    /// A machine whose minimum is ready at time 0.
    static func ready(_ configuration: PoolConfiguration, resets: Bool = false) -> Self {
        var machine = Self(configuration: configuration, resets: resets)
        for member in machine.replenish().create { _ = machine.created(member, now: .zero) }
        return machine
    }
}
