/// What comes over the stream from a container's agent, frame by frame.

#if Docker
    import CIsolate
    import Glibc
    import NIOCore
    import SandboxAPI
    import SandboxRuntime

    extension AgentConnection {
        // MARK: Frames

        func received(_ stream: StreamKind, _ bytes: ByteBuffer) {
            // The agent writes to its stdout only; anything else is what started it, and could not.
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

        /// False for a frame that is not what it should be.
        func handle(_ type: isolate_frame_type, _ payload: ByteBuffer) -> Bool {
            switch type {
            case ISOLATE_FRAME_STDOUT, ISOLATE_FRAME_STDERR:
                guard let run = state.withLock({ $0.run }) else { return false }
                run.wrote(payload, type == ISOLATE_FRAME_STDOUT ? 0 : 1)
            case ISOLATE_FRAME_ENDED:
                guard let ended = payload.structure(isolate_agent_ended.self) else { return false }
                return handleEnd(ended)
            case ISOLATE_FRAME_STATUS:
                guard let status = payload.structure(isolate_agent_status.self) else { return false }
                return handleStatus(status)
            case ISOLATE_FRAME_HELLO:
                guard let hello = payload.structure(isolate_agent_hello.self),
                    case .hello(let continuation)? = takeQuestion()
                else { return false }
                continuation.resume(returning: .success(hello))
            case ISOLATE_FRAME_FILE:
                return handleFile(payload)
            case ISOLATE_FRAME_INPUT_TAKEN:
                guard let taken = payload.structure(isolate_agent_credit.self) else { return false }
                state.withLock { $0.run }?.inputTaken(Int(taken.bytes))
            default:
                return false
            }
            return true
        }

        func takeQuestion() -> Question? {
            state.withLock { state in
                defer { state.question = nil }
                return state.question
            }
        }

        func handleEnd(_ ended: isolate_agent_ended) -> Bool {
            let failure = ended.record.failure
            let haveLimitsChanged =
                failure.stage == ISOLATE_STAGE_LIMITS.rawValue && failure.errno_value == ERANGE
            let run = state.withLock { state -> AgentRun? in
                state.held = Int(clamping: ended.held_bytes)
                // A run that ended before anybody knew its number: what comes next could not be told apart. And
                // where somebody else changed the limits, nobody knows what else he changed.
                if ended.record.serial == 0 || haveLimitsChanged { state.mustRetire = true }
                guard ended.record.serial == 0 || ended.record.serial == state.serial else { return nil }
                state.deadline = nil
                defer { state.run = nil }
                return state.run
            }
            run?.ended(
                haveLimitsChanged ? .failure(Self.changedLimits(container)) : .success(ended.record),
                exceeded: ended.exceeded)
            return true
        }

        static func changedLimits(_ container: String) -> SandboxError {
            SandboxError(
                .containerLost, stage: "limits", errno: ERANGE,
                message: "container \(container) has not the limits that its engine was asked for",
                hint: "somebody else changed them, and it is given up; try again in a new sandbox")
        }

        func handleStatus(_ status: isolate_agent_status) -> Bool {
            let question = state.withLock { state -> Question? in
                state.held = Int(clamping: status.held_bytes)
                state.mustRetire = state.mustRetire || status.status.retire != 0
                if case .file(var reading)? = state.question, status.status.failure.stage == 0 {
                    // The content follows.
                    reading.isOpen = true
                    reading.isExecutable = status.status.isExecutable
                    reading.bytes.reserveCapacity(
                        min(Int(clamping: status.status.bytes), reading.maxBytes, 1 << 20))
                    state.question = .file(reading)
                    return nil
                }
                defer { state.question = nil }
                return state.question
            }
            switch question {
            case .status(let continuation): continuation.resume(returning: .success(status))
            case .file(let reading):
                reading.continuation.resume(
                    returning: .failure(
                        FileErrors.error(errno: status.status.failure.errno_value, path: reading.path)))
            case .hello: return false
            case nil: break
            }
            return true
        }

        func handleFile(_ payload: ByteBuffer) -> Bool {
            let done = state.withLock { state -> FileReading? in
                guard case .file(var reading)? = state.question, reading.isOpen else { return nil }
                if payload.readableBytes == 0 {
                    state.question = nil
                    return reading
                }
                // Never more than was asked for, whatever comes.
                let room = reading.maxBytes + 1 - reading.bytes.count
                reading.bytes += payload.readableBytesView.prefix(max(0, room))
                state.question = .file(reading)
                // A file may be of any size, as long as it comes.
                state.answerDeadline = .now + patience
                return nil
            }
            guard let done else { return true }
            done.continuation.resume(
                returning: done.bytes.count > done.maxBytes
                    ? .failure(FileErrors.tooLarge(done.path, done.maxBytes))
                    : .success(OutputFile(done.bytes, executable: done.isExecutable)))
            return true
        }
    }
#endif
