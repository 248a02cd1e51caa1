/// The embedder's side of the supervisor process: starts it, requests slots from it, notices its loss.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// Owns one supervisor and its slots. The supervisor's death fails everything that waits for it.
final class Supervisor: EventHandler {
    typealias SlotAnswer = Result<Slot, SandboxError>

    /// The configuration of its slots; see `isolate_start_options`.
    struct Setup: Sendable {
        /// An image's directory; `nil`: the host's own files.
        var root: String?
        var isWritable = false
        var network = NetworkMode.none
        var bindMounts: [BindMount] = []
        var adoptCgroup = false
        var avoid: UInt32 = 0
        var failStage: UInt32 = 0

        /// Blocks until the supervisor is ready. Accepts any level that the host provides; callers check it.
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
                return withCStrings(bindMounts.flatMap { [$0.source, $0.target] }) { paths in
                    let mounts = bindMounts.indices.map {
                        isolate_bind_mount(source: paths[2 * $0], target: paths[2 * $0 + 1])
                    }
                    return mounts.withUnsafeBufferPointer { mounts in
                        options.bind_mounts = mounts.baseAddress
                        options.bind_mount_count = mounts.count
                        guard let root else {
                            return isolate_supervisor_start(&options, &handle, &failure)
                        }
                        return root.withCString { path in
                            options.root = path
                            return isolate_supervisor_start(&options, &handle, &failure)
                        }
                    }
                }
            }
        }
    }

    /// A requested slot. The supervisor's bound applies, since it makes and ends slots one after another.
    private struct Creating {
        var waiter: Waiter<SlotAnswer>
        var bounds: DeadlineSet
    }

    /// A slot whose end was requested.
    private struct Ending {
        var waiting: [Waiter<Void>] = []
        var bounds: DeadlineSet
    }

    private struct State {
        var isLost = false
        var isStopped = false
        /// Why the embedder killed the supervisor, if it did.
        var reason: SandboxError?
        var nextSlot: UInt32 = 1
        var creating: [UInt32: Creating] = [:]
        var ending: [UInt32: Ending] = [:]
        var onLoss: (@Sendable () -> Void)?
        /// Closed when the supervisor is lost, so that no slot outlives it.
        var slots: [UInt32: Slot] = [:]
    }

    let loop: EventLoop
    let handle: isolate_supervisor
    let world: LocalWorld
    private let patience: Patience
    private let bindMounts: [BindMount]
    private let state = Locked(State())

    private init(
        loop: EventLoop, handle: isolate_supervisor, bindMounts: [BindMount], patience: Patience
    ) {
        self.bindMounts = bindMounts
        self.loop = loop
        self.handle = handle
        self.patience = patience
        world = LocalWorld(handle)
    }

    /// Starts a supervisor. Blocks a thread of the library's own, not the caller's, for some ms.
    static func start(_ setup: Setup, _ patience: Patience) async throws(SandboxError) -> Supervisor {
        let loop = try EventLoop()
        let result = await Waiter<Result<Supervisor, SandboxError>>.wait { waiter in
            loop.perform { waiter.resume(returning: startNow(on: loop, setup, patience)) }
        }
        loop.follow()
        if case .failure = result { loop.stop() }
        return try result.get()
    }

    private static func startNow(
        on loop: EventLoop, _ setup: Setup, _ patience: Patience
    ) -> Result<Supervisor, SandboxError> {
        var handle = isolate_supervisor()
        var failure = isolate_failure()
        guard setup.start(&handle, &failure) == 0 else {
            return .failure(SandboxError(failure, starting: setup))
        }
        let supervisor = Supervisor(
            loop: loop, handle: handle, bindMounts: setup.bindMounts, patience: patience)
        loop.add(handle.socket, events: EventLoop.readable, handler: supervisor)
        return .success(supervisor)
    }

    /// Registers the action for the loss; calls it at once if the supervisor is lost already.
    func onLoss(_ action: @escaping @Sendable () -> Void) {
        let isLost = state.withLock { state in
            if !state.isLost { state.onLoss = action }
            return state.isLost
        }
        if isLost { action() }
    }

    var isLost: Bool { state.withLock { $0.isLost } }

    /// Makes a fresh slot with its root built, and without a sandbox.
    func makeSlot() async throws(SandboxError) -> Slot {
        try checkDescriptors()
        let answer = await Waiter<SlotAnswer>.wait { waiter in
            let bounds = DeadlineSet(loop)
            let number: UInt32? = state.withLock { state in
                guard !state.isLost else { return nil }
                defer { state.nextSlot += 1 }
                state.creating[state.nextSlot] = Creating(waiter: waiter, bounds: bounds)
                return state.nextSlot
            }
            guard let number else {
                waiter.resume(returning: .failure(lost))
                return
            }
            bounds.add(after: patience.answer) { [weak self, patience] in
                self?.giveUp(patience.silentSupervisor("making a sandbox"))
            }
            let sent = sendRecord { isolate_slot_create($0, number) }
            if sent < 0 { refuseSlot(number, sent == -EPIPE ? lost : Self.unreachable(-sent)) }
        }
        state.follow()
        let slot = try answer.get()
        do {
            try await slot.awaitRoot()
        } catch {
            await end(slot)
            throw error
        }
        return slot
    }

    /// The slot's own two sockets, and its run's pipes, input and strings.
    private static let descriptorsOfSlot: (own: Int, run: Int) = (2, 6)

    /// Refuses a new slot when the present ones might then lack the descriptors for a run each: a caller had
    /// better wait for a sandbox than hold one that cannot run.
    private func checkDescriptors() throws(SandboxError) {
        let (making, made) = state.withLock { ($0.creating.count + 1, $0.slots.count) }
        let needed =
            making * Self.descriptorsOfSlot.own + (making + made) * Self.descriptorsOfSlot.run
        let free = Int(isolate_free_descriptors())
        guard free < needed else { return }
        throw SandboxError(
            .setupFailed, stage: "start", errno: EMFILE,
            message:
                "this process may open \(free) more descriptors; with one more sandbox \(making + made) could run, "
                + "which takes \(needed)",
            hint: "raise the limit of open files (ulimit -n), or use fewer sandboxes at a time")
    }

    private func refuseSlot(_ number: UInt32, _ error: SandboxError) {
        guard let creating = state.withLock({ $0.creating.removeValue(forKey: number) }) else { return }
        creating.bounds.end()
        creating.waiter.resume(returning: .failure(error))
    }

    /// Ends a slot and waits until its processes and cgroups are gone, or else the supervisor and everything
    /// below it.
    func end(_ slot: Slot) async {
        slot.close()
        await Waiter.wait { waiter in end(slot.number, waiter) }
    }

    /// Has a slot killed; a later ``end(_:)`` waits for the same end.
    private func kill(_ slot: Slot) { end(slot.number, nil) }

    private func end(_ number: UInt32, _ waiter: Waiter<Void>?) {
        let bounds = DeadlineSet(loop)
        let (isLost, isFirst) = state.withLock { state -> (Bool, Bool) in
            state.slots[number] = nil
            guard !state.isLost else { return (true, false) }
            let isFirst = state.ending[number] == nil
            if let waiter {
                state.ending[number, default: Ending(bounds: bounds)].waiting.append(waiter)
            } else if isFirst {
                state.ending[number] = Ending(bounds: bounds)
            }
            return (false, isFirst)
        }
        if isLost { waiter?.resume() }
        guard isFirst else { return }
        bounds.add(after: patience.answer) { [weak self, patience] in
            self?.giveUp(patience.silentSupervisor("ending a sandbox"))
        }
        askForEnd(number, bounds)
    }

    private func askForEnd(_ number: UInt32, _ bounds: DeadlineSet) {
        // The queue is full: the supervisor is busy, or hangs, which the bound will show. The loop reports a
        // broken socket.
        if sendRecord({ isolate_slot_destroy($0, number) }) != 0 {
            bounds.add(after: Patience.retry) { [weak self] in self?.askForEnd(number, bounds) }
        }
    }

    /// The supervisor does not answer: kills it, and with it everything below it.
    private func giveUp(_ error: SandboxError) {
        state.withLock { if $0.reason == nil { $0.reason = error } }
        // Under the lock, since the descriptor is open then.
        state.withLock { state in
            if !state.isStopped { isolate_supervisor_kill(handle.pidfd) }
        }
        loseAll()
    }

    /// Sends while the socket is known to be open; see ``Slot/withSockets(_:)``.
    private func sendRecord(_ send: (UnsafePointer<isolate_supervisor>) -> Int32) -> Int32 {
        state.withLock { state in
            state.isStopped || state.isLost ? -EPIPE : withUnsafePointer(to: handle) { send($0) }
        }
    }

    /// Ends the supervisor and everything below it.
    func stop() async {
        loseAll()
        await Waiter.wait { waiter in
            loop.perform { [self] in
                stopNow()
                waiter.resume()
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
            let control = OwnedDescriptor(owning: fds.0)
            let request = OwnedDescriptor(owning: fds.1)
            guard result > 0 else {
                loseAll()
                stopNow()
                loop.stop()
                return
            }
            handleRecord(record, control, request)
        }
    }

    /// On the loop's thread: waits for the supervisor's end and removes what the supervisor could not remove
    /// itself.
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

    private func handleRecord(
        _ record: isolate_slot_record, _ control: consuming OwnedDescriptor?,
        _ request: consuming OwnedDescriptor?
    ) {
        let (creating, ending) = state.withLock { state in
            (
                state.creating.removeValue(forKey: record.slot),
                record.type == ISOLATE_SLOT_ENDED.rawValue
                    ? state.ending.removeValue(forKey: record.slot) : nil
            )
        }
        creating?.bounds.end()
        ending?.bounds.end()
        let isCreated = record.type == ISOLATE_SLOT_CREATED.rawValue
        if isCreated, record.failure.stage == 0, let control, let request {
            let slot = Slot(
                number: record.slot, hostUser: record.host_uid,
                sockets: Slot.Sockets(control: control, request: request), loop: loop, patience: patience,
                bindMounts: bindMounts,
                kill: { [weak self] in self?.kill($0) })
            let isLost = state.withLock { state in
                if !state.isLost, creating != nil { state.slots[record.slot] = slot }
                return state.isLost
            }
            if isLost || creating == nil { slot.close() }
            creating?.waiter.resume(returning: isLost ? .failure(lost) : .success(slot))
        } else {
            // The slot's sockets were lost on the way: the embedder has it ended.
            if isCreated { end(record.slot, nil) }
            creating?.waiter.resume(
                returning: .failure(
                    SandboxError(record.failure, while: "making a slot", bindMounts: bindMounts)))
        }
        for waiter in ending?.waiting ?? [] { waiter.resume() }
    }

    private func loseAll() {
        let (creating, ending, slots, onLoss) = state.withLock { state in
            defer {
                state.onLoss = nil
                state.creating = [:]
                state.ending = [:]
                state.slots = [:]
                state.isLost = true
            }
            return (state.creating.values, state.ending.values, state.slots.values, state.onLoss)
        }
        let error = lost
        for slot in slots { slot.close(error) }
        for each in creating {
            each.bounds.end()
            each.waiter.resume(returning: .failure(error))
        }
        for each in ending {
            each.bounds.end()
            for waiter in each.waiting { waiter.resume() }
        }
        onLoss?()
    }

    private var lost: SandboxError { state.withLock { $0.reason } ?? Self.lost }

    private static var lost: SandboxError {
        SandboxError(
            .supervisorLost, message: "the supervisor ended, and every sandbox with it",
            hint: "try again: the next sandbox starts a new one")
    }

    private static func unreachable(_ number: Int32) -> SandboxError {
        SandboxError(
            .setupFailed, stage: "start", errno: number,
            message: "the supervisor cannot be asked for a sandbox: \(describe(errno: number))",
            hint: "try again: it has a queue of requests to work off")
    }
}
