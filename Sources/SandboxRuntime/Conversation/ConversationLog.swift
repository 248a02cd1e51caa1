/// What the relays of a conversation saw: bytes, closed ends, and the transcript.

import SandboxAPI

final class ConversationLog: Sendable {
    private struct State: Sendable {
        var recorder: TranscriptRecorder
        var bytes: [Int: Int] = [:]
        var closed: [Int: ConversationStateMachine.Closing] = [:]
    }

    private let state: Locked<State>
    private let start = ContinuousClock.now

    init(_ policy: TranscriptPolicy) { state = Locked(State(recorder: TranscriptRecorder(policy))) }

    /// Since the conversation's start.
    var elapsed: Duration { ContinuousClock.now - start }
    var transcript: Transcript { state.withLock { $0.recorder.transcript } }

    func bytes(of link: Int) -> Int { state.withLock { $0.bytes[link] ?? 0 } }

    /// Which end was closed first.
    func closing(of link: Int) -> ConversationStateMachine.Closing? { state.withLock { $0.closed[link] } }

    func moved(_ bytes: [UInt8], on link: Int) {
        let now = elapsed
        state.withLock { state in
            state.bytes[link, default: 0] += bytes.count
            state.recorder.record(bytes, on: link, after: now)
        }
    }

    func closed(_ link: Int, by closing: ConversationStateMachine.Closing) {
        state.withLock { state in
            if state.closed[link] == nil { state.closed[link] = closing }
        }
    }
}
