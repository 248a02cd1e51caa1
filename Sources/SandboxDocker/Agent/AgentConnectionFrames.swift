/// Handles the frames that come over the stream from a container's agent.

#if Docker
import CIsolate
import Glibc
import NIOCore
import SandboxAPI
import SandboxRuntime

extension AgentConnection {
    // MARK: Frames

    func received(_ stream: StreamKind, _ bytes: ByteBuffer) {
        // The agent writes only to its stdout; on stderr the engine's runtime says why it could not start the
        // agent.
        guard stream == .standardOutput else {
            state.withLock { state in
                state.words += bytes.readableBytesView.prefix(Self.maximumWords - state.words.count)
            }
            return
        }
        var frames: [(isolate_frame_type, ByteBuffer)] = []
        let isMalformed = state.withLock { state -> Bool in
            state.heard = .now
            state.decoder.feed(bytes)
            do throws(AgentFrameDecoder.Malformed) {
                while let frame = try state.decoder.next() { frames.append(frame) }
                return false
            } catch {
                return true
            }
        }
        for (type, payload) in frames where !handle(type, payload) { return malformed() }
        if isMalformed { malformed() }
    }

    func malformed() {
        lose(
            SandboxError(
                .containerLost, stage: "agent",
                message: "the agent of container \(container) sent what no agent sends",
                hint: "the container was given up; try again"))
        close()
    }

    /// Handles a frame; returns false when it is malformed.
    func handle(_ type: isolate_frame_type, _ payload: ByteBuffer) -> Bool {
        switch type {
        case ISOLATE_FRAME_STDOUT, ISOLATE_FRAME_STDERR:
            guard let run = state.withLock({ $0.machine.currentRun }) else { return false }
            run.wrote(payload, type == ISOLATE_FRAME_STDOUT ? .stdout : .stderr)
            return true
        case ISOLATE_FRAME_ENDED:
            guard let ended = payload.structure(isolate_agent_ended.self) else { return false }
            handleEnd(ended)
            return true
        case ISOLATE_FRAME_STATUS:
            guard let status = payload.structure(isolate_agent_status.self) else { return false }
            return perform(state.withLock { $0.machine.received(status) })
        case ISOLATE_FRAME_HELLO:
            guard let hello = payload.structure(isolate_agent_hello.self) else { return false }
            return perform(state.withLock { $0.machine.received(hello: hello) })
        case ISOLATE_FRAME_FILE:
            return perform(
                state.withLock { $0.machine.received(file: payload.readableBytesView, at: .now) })
        case ISOLATE_FRAME_INPUT_TAKEN:
            guard let taken = payload.structure(isolate_agent_credit.self) else { return false }
            state.withLock { $0.machine.currentRun }?.inputTaken(Int(taken.bytes))
            return true
        default:
            return false
        }
    }

    private func perform(_ action: Machine.Action) -> Bool {
        switch action {
        case .none: break
        case .answer(let waiter, let answer): waiter.resume(returning: answer)
        case .malformed: return false
        }
        return true
    }

    private func handleEnd(_ ended: isolate_agent_ended) {
        let (run, haveLimitsChanged) = state.withLock { $0.machine.received(ended) }
        run?.ended(
            haveLimitsChanged ? .failure(Self.changedLimits(container)) : .success(ended.record),
            exceeded: ended.exceeded)
    }

    static func changedLimits(_ container: String) -> SandboxError {
        SandboxError(
            .containerLost, stage: "limits", errno: ERANGE,
            message: "container \(container) has not the limits that its engine was asked for",
            hint: "somebody else changed them, and it is given up; try again in a new sandbox")
    }
}
#endif
