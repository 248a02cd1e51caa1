/// The supervisor process, as the Swift side sees it: starts it, asks it for slots, notices when it is gone.

import CIsolate
import Glibc
import Synchronization

/// Owns one supervisor and hands out its slots. Its death fails everything that waits for it.
final class Supervisor: EventHandler {
    typealias SlotAnswer = Result<Slot, SandboxError>

    /// What its slots are made of; see `isolate_start_options`.
    struct Setup: Sendable {
        /// An image's directory; `nil`: the host's own files.
        var root: String?
        var isWritable = false
        var network = NetworkMode.none
        var adoptCgroup = false
        var avoid: UInt32 = 0
        var failStage: UInt32 = 0

        /// Blocks until it is ready. Whatever level the host gives is accepted here; callers decide.
        func start(_ handle: inout isolate_supervisor, _ failure: inout isolate_failure) -> Int32 {
            SupervisorImage.bytes.withUnsafeBytes { image in
                var options = isolate_start_options()
                options.image = image.baseAddress
                options.image_bytes = image.count
                options.is_writable = isWritable ? 1 : 0
                options.network = network.core
                options.least_level = Int32(ISOLATE_LEVEL_MINIMAL.rawValue)
                options.avoid = avoid
                options.fail_stage = failStage
                options.adopt_cgroup = adoptCgroup ? 1 : 0
                guard let root else { return isolate_supervisor_start(&options, &handle, &failure) }
                return root.withCString { path in
                    options.root = path
                    return isolate_supervisor_start(&options, &handle, &failure)
                }
            }
        }
    }

    private struct State {
        var isLost = false
        var isStopped = false
        var nextSlot: UInt32 = 1
        var creating: [UInt32: CheckedContinuation<SlotAnswer, Never>] = [:]
        var ending: [UInt32: CheckedContinuation<Void, Never>] = [:]
        /// Closed when the supervisor is lost, so that no slot can outlive it.
        var slots: [UInt32: Slot] = [:]
    }

    let loop: EventLoop
    let handle: isolate_supervisor
    let world: LocalWorld
    private let state = Mutex(State())

    private init(loop: EventLoop, handle: isolate_supervisor) {
        self.loop = loop
        self.handle = handle
        world = LocalWorld(handle)
    }

    /// Starts a supervisor. Blocks one of our own threads, not the caller's, for some ms.
    ///
    static func start(_ setup: Setup) async throws(SandboxError) -> Supervisor {
        let loop = try EventLoop()
        let result: Result<Supervisor, SandboxError> = await withCheckedContinuation { continuation in
            loop.perform { continuation.resume(returning: startNow(on: loop, setup)) }
        }
        if case .failure = result { loop.stop() }
        return try result.get()
    }

    private static func startNow(on loop: EventLoop, _ setup: Setup) -> Result<Supervisor, SandboxError> {
        var handle = isolate_supervisor()
        var failure = isolate_failure()
        guard setup.start(&handle, &failure) == 0 else {
            return .failure(SandboxError(failure, starting: setup))
        }
        let supervisor = Supervisor(loop: loop, handle: handle)
        loop.add(handle.socket, events: EventLoop.readable, handler: supervisor)
        return .success(supervisor)
    }

    var isLost: Bool { state.withLock { $0.isLost } }

    /// A fresh slot, its root built, without a sandbox yet.
    func makeSlot() async throws(SandboxError) -> Slot {
        let answer: SlotAnswer = await withCheckedContinuation { continuation in
            let number: UInt32? = state.withLock { state in
                guard !state.isLost else { return nil }
                defer { state.nextSlot += 1 }
                state.creating[state.nextSlot] = continuation
                return state.nextSlot
            }
            guard let number else {
                continuation.resume(returning: .failure(Self.lost))
                return
            }
            let sent = sendRecord { isolate_slot_create($0, number) }
            if sent < 0, let waiting = state.withLock({ $0.creating.removeValue(forKey: number) }) {
                waiting.resume(returning: .failure(Self.lost))
            }
        }
        let slot = try answer.get()
        do {
            try await slot.awaitRoot()
        } catch {
            await end(slot)
            throw error
        }
        return slot
    }

    /// Ends a slot and waits until its processes and cgroups are gone.
    func end(_ slot: Slot) async {
        slot.close()
        state.withLock { _ = $0.slots.removeValue(forKey: slot.number) }
        await withCheckedContinuation { continuation in
            let isLost = state.withLock { state in
                if !state.isLost { state.ending[slot.number] = continuation }
                return state.isLost
            }
            if isLost {
                continuation.resume()
                return
            }
            let sent = sendRecord { isolate_slot_destroy($0, slot.number) }
            if sent < 0, let waiting = state.withLock({ $0.ending.removeValue(forKey: slot.number) }) {
                waiting.resume()
            }
        }
    }

    /// While the socket is surely open; see ``Slot/withSockets(_:)``.
    private func sendRecord(_ send: (UnsafePointer<isolate_supervisor>) -> Int32) -> Int32 {
        state.withLock { state in
            state.isStopped ? -EPIPE : withUnsafePointer(to: handle) { send($0) }
        }
    }

    /// Ends the supervisor and everything below it.
    func stop() async {
        loseAll()
        await withCheckedContinuation { continuation in
            loop.perform { [self] in
                stopNow()
                continuation.resume()
            }
        }
        loop.stop()
    }

    func ready(_ fd: Int32, events: UInt32) {
        while true {
            var record = isolate_slot_record()
            var fds: (Int32, Int32) = (-1, -1)
            let result = withUnsafePointer(to: handle) { handle in
                withUnsafeMutableBytes(of: &fds) { fds in
                    isolate_supervisor_receive(
                        handle, &record, fds.assumingMemoryBound(to: Int32.self).baseAddress)
                }
            }
            if result == 0 { return }
            guard result > 0 else {
                stopNow()
                loseAll()
                loop.stop()
                return
            }
            handleRecord(record, control: fds.0, request: fds.1)
        }
    }

    /// On the loop's thread: waits for the supervisor's end and removes what it could not remove itself.
    private func stopNow() {
        let isFirst = state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        guard isFirst else { return }
        loop.remove(handle.socket)
        var handle = handle
        isolate_supervisor_stop(&handle)
    }

    private func handleRecord(_ record: isolate_slot_record, control: Int32, request: Int32) {
        let (creating, ending) = state.withLock { state in
            (
                state.creating.removeValue(forKey: record.slot),
                record.type == ISOLATE_SLOT_ENDED.rawValue
                    ? state.ending.removeValue(forKey: record.slot) : nil
            )
        }
        if record.type == ISOLATE_SLOT_CREATED.rawValue {
            let slot = Slot(
                number: record.slot, hostUser: record.host_uid, control: control, request: request, loop: loop
            )
            let isLost = state.withLock { state in
                if !state.isLost, creating != nil { state.slots[record.slot] = slot }
                return state.isLost
            }
            if isLost || creating == nil { slot.close() }
            creating?.resume(returning: isLost ? .failure(Self.lost) : .success(slot))
        } else {
            creating?.resume(returning: .failure(SandboxError(record.failure, while: "making a slot")))
        }
        ending?.resume()
    }

    private func loseAll() {
        let (creating, ending, slots) = state.withLock { state in
            defer {
                state.creating = [:]
                state.ending = [:]
                state.slots = [:]
                state.isLost = true
            }
            return (state.creating.values, state.ending.values, state.slots.values)
        }
        for slot in slots { slot.close() }
        for continuation in creating { continuation.resume(returning: .failure(Self.lost)) }
        for continuation in ending { continuation.resume() }
    }

    static var lost: SandboxError {
        SandboxError(
            .supervisorLost, message: "the supervisor ended, and every sandbox with it",
            hint: "try again: the next sandbox starts a new one")
    }
}
