/// One slot of the supervisor: it prepares one sandbox after another and answers the embedder's questions.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// The embedder's end of a slot.
///
/// The slot answers in order, so at most one question is pending, beside at most one run.
final class Slot: EventHandler {
    typealias Answer = Result<(isolate_status_record, ReceivedDescriptor?), SandboxError>
    private typealias Machine = SlotStateMachine<Answer, Waiter<Answer>, LocalRun>

    /// The embedder's ends of the sockets to the slot.
    struct Sockets: ~Copyable, Sendable {
        let control: OwnedDescriptor
        let request: OwnedDescriptor
    }

    private struct State: ~Copyable, Sendable {
        var machine = Machine()
        /// `nil`: the slot is closed.
        var sockets: Sockets?
        /// The disk limit in force.
        var disk = 0
        var layers: UInt32 = 0
        var kept = KeptFiles()

        init(_ sockets: consuming Sockets) { self.sockets = consume sockets }
    }

    let number: UInt32
    /// The program's user id on the host.
    let hostUser: UInt32
    let loop: EventLoop
    let patience: Patience
    /// Directories of the host in the slot's root; its failures name them.
    private let bindMounts: [BindMount]
    /// Makes the supervisor kill the slot's processes, whatever state they are in.
    private let kill: @Sendable (Slot) -> Void
    /// Callers ask one after another. The first turn is taken from the start: without being asked, the slot
    /// reports that its root is built, or why it is not.
    private let turns = Turns(isTaken: true)
    private let state: Locked<State>

    init(
        number: UInt32, hostUser: UInt32, sockets: consuming Sockets, loop: EventLoop, patience: Patience,
        bindMounts: [BindMount], kill: @escaping @Sendable (Slot) -> Void
    ) {
        let control = sockets.control.number
        self.number = number
        self.hostUser = hostUser
        state = Locked(State(sockets))
        self.loop = loop
        self.patience = patience
        self.bindMounts = bindMounts
        self.kill = kill
        loop.add(control, events: EventLoop.readable, handler: self)
    }

    var layers: UInt32 { state.withLock { $0.layers } }
    /// The slot lost a part of itself and must not serve another sandbox.
    var mustRetire: Bool { state.withLock { $0.machine.mustRetire || $0.machine.isClosed } }
    var isClosed: Bool { state.withLock { $0.machine.isClosed } }

    func awaitRoot() async throws(SandboxError) {
        defer { turns.end() }
        let doing = "building the root file system"
        try check(try await awaitAnswer(doing, after: 0).record, doing)
    }

    /// Makes the slot mount the sandbox's tmpfs and start the cell of its first run.
    func prepare(disk: Int) async throws(SandboxError) {
        let doing = "preparing a sandbox"
        let record = try await ask(doing) { control in
            isolate_slot_send(control, ISOLATE_PREPARE.rawValue, 0, UInt64(disk), 0)
        }.record
        try check(record, doing)
        state.withLock {
            $0.disk = disk
            $0.layers = record.layers
            $0.kept.prepared(record.bytes)
        }
    }

    /// Makes the slot kill the sandbox's processes and remove its files.
    func clear() async throws(SandboxError) {
        let record = try await ask("clearing a sandbox") { control in
            isolate_slot_send(control, ISOLATE_CLEAR.rawValue, 0, 0, 0)
        }.record
        if record.retire != 0 { state.withLock { $0.machine.retire() } }
    }

    func setDisk(_ bytes: Int) async throws(SandboxError) {
        if state.withLock({ $0.disk == bytes }) { return }
        let record = try await ask("setting the disk limit") { control in
            isolate_slot_send(control, ISOLATE_SET_DISK.rawValue, 0, UInt64(bytes), 0)
        }.record
        guard record.failure.stage == 0 else {
            throw FileErrors.diskLimit(bytes, record.failure)
        }
        state.withLock { $0.disk = bytes }
    }

    /// Calls `body` with what is known of the files that the slot keeps, and the disk limit in force.
    func withKeptFiles<Value>(_ body: (inout KeptFiles, _ disk: Int) -> Value) -> Value {
        state.withLock { body(&$0.kept, $0.disk) }
    }

    /// Waits until nothing is in the sandbox in advance that no run took: before a run.
    func withdrawUnclaimed() async throws(SandboxError) {
        guard state.withLock({ $0.kept.isUnclaimed }) else { return }
        await turns.begin()
        defer { turns.end() }
        try await withdraw(before: nil)
    }

    /// Called in a turn, so that no question comes between the decision and the slot's answer.
    private func withdraw(before newFile: (path: ByteString, bytes: Int)?) async throws(SandboxError) {
        guard state.withLock({ $0.kept.mustWithdraw(before: newFile, disk: $0.disk) }) else { return }
        let doing = "withdrawing a file"
        let record = try await askInTurn(doing) { Self.send($0, ISOLATE_FILE_WITHDRAW, ".") }.record
        try check(record, doing)
        state.withLock { $0.kept.withdrawn() }
    }

    /// Asks the slot to do something with a path of `/work`.
    ///
    /// - Parameters:
    ///   - doing: names the request in the error for a slot that does not answer, such as "opening a file".
    ///   - target: the target of a new symbolic link.
    ///   - content: a file whose bytes the slot copies; the caller keeps it.
    ///   - newBytes: the size of a new file, if nothing but that is asked for.
    /// - Throws: the slot's failure, as an error for the caller.
    func ask(
        _ mode: isolate_file_mode, _ path: ByteString, _ doing: String, flags: isolate_file_flags? = nil,
        offset: UInt64 = 0, target: ByteString? = nil, content: Int32 = -1, newBytes: Int? = nil
    ) async throws(SandboxError) -> SlotAnswer {
        await turns.begin()
        defer { turns.end() }
        try await withdraw(before: newBytes.map { (path, $0) })
        let answer = try await askInTurn(doing) { control in
            Self.send(
                control, mode, path, flags: flags, offset: offset, target: target, content: content)
        }
        guard answer.record.failure.stage == 0 else {
            let isDirectory = mode == ISOLATE_FILE_LIST || mode == ISOLATE_FILE_DIRECTORY
            throw FileErrors.error(
                errno: answer.record.failure.errno_value, path: path, directory: isDirectory)
        }
        return answer
    }

    /// Sends a question about a path; never blocks. Returns 0 or a negative error number.
    private static func send(
        _ control: Int32, _ mode: isolate_file_mode, _ path: ByteString, flags: isolate_file_flags? = nil,
        offset: UInt64 = 0, target: ByteString? = nil, content: Int32 = -1
    ) -> Int32 {
        path.cString.withUnsafeBufferPointer { name in
            (target?.cString ?? []).withUnsafeBufferPointer { end in
                var question = isolate_file_question()
                question.path = name.baseAddress
                question.target = target == nil ? nil : end.baseAddress
                question.mode = mode.rawValue
                question.flags = flags?.rawValue ?? 0
                question.offset = offset
                question.content = content
                return isolate_slot_send_open(control, &question)
            }
        }
    }

    /// Asks what the run under way is doing; `nil` when the slot is gone.
    func look() async -> RunLook? {
        do throws(SandboxError) {
            return RunLook(
                try await ask("looking at a run") { control in
                    isolate_slot_send(control, ISOLATE_LOOK.rawValue, 0, 0, 0)
                }.record)
        } catch {
            return nil
        }
    }

    // MARK: Runs

    /// Returns the number for a new run; `nil` while another run is under way.
    func reserveRun() -> UInt64? { state.withLock { $0.machine.reserveRun() } }

    /// Registers a run before its request is sent.
    func begin(_ run: LocalRun) {
        if !state.withLock({ $0.machine.beginRun(run) }) { run.ended(.failure(Self.gone)) }
    }

    /// Forgets a run whose request was not sent.
    func forgetRun(_ serial: UInt64) { state.withLock { $0.machine.forgetRun(serial) } }

    /// Calls `body` with the sockets under the lock, which keeps them open: a closed descriptor's number may
    /// already belong to another file.
    ///
    /// - Parameter body: must not block.
    /// - Returns: what `body` returned, or `-EPIPE` when the slot is closed.
    func withSockets(_ body: (_ control: Int32, _ request: Int32) -> Int32) -> Int32 {
        state.withLock { state in
            switch state.sockets {
            case .some(let sockets): body(sockets.control.number, sockets.request.number)
            case .none: -EPIPE
            }
        }
    }

    /// Asks the slot to kill the run. Does nothing when the run is over.
    func endRun(_ serial: UInt64, _ end: isolate_end) {
        _ = withSockets { control, _ in
            isolate_slot_send(control, ISOLATE_END_RUN.rawValue, end.rawValue, 0, serial)
        }
    }

    // MARK: Questions and answers

    /// - Parameter doing: names the request in the error for a slot that does not answer, such as "opening a
    ///   file".
    private func ask(
        _ doing: String, _ send: (Int32) -> Int32
    ) async throws(SandboxError) -> SlotAnswer {
        await turns.begin()
        defer { turns.end() }
        return try await askInTurn(doing, send)
    }

    private func askInTurn(
        _ doing: String, _ send: (Int32) -> Int32
    ) async throws(SandboxError) -> SlotAnswer {
        let answers = state.withLock { $0.machine.answers }
        let sent = withSockets { control, _ in send(control) }
        // A slot that has ended may have said why before: its last record is the answer, and only without one it is gone.
        if sent < 0, sent != -EPIPE, sent != -ECONNRESET, sent != -EBADF {
            throw SandboxError(
                .setupFailed, stage: "request", errno: -sent,
                message: "cannot reach the slot: \(describe(errno: -sent))")
        }
        return try await awaitAnswer(doing, after: answers)
    }

    /// - Parameter answers: the number of answers that the slot had given before this question.
    private func awaitAnswer(
        _ doing: String, after answers: Int
    ) async throws(SandboxError) -> SlotAnswer {
        let bounds = DeadlineSet(loop)
        // A slot that has answered is kept, even if the task that waits for the answer resumes late.
        let giveUpUnlessAnswered: @Sendable (SandboxError) -> Void = { [weak self] error in
            guard let self, state.withLock({ $0.machine.answers == answers }) else { return }
            giveUp(error)
        }
        bounds.add(after: patience.answer) { [patience] in giveUpUnlessAnswered(patience.silentSlot(doing)) }
        defer { bounds.end() }
        // After a cancellation this waits a moment longer: most answers arrive soon, and a slot whose answer
        // was not received cannot be used again.
        let answer = await withTaskCancellationHandler {
            await state.answer { state, waiter -> Answer? in
                switch state.machine.wait(waiter) {
                case .answer(let answer): answer
                case .closed: .failure(Self.gone)
                case .wait: nil
                }
            }
        } onCancel: {
            bounds.add(after: Patience.unwanted) { giveUpUnlessAnswered(SandboxError.runCancelled) }
        }
        let (record, received) = try answer.get()
        return SlotAnswer(record: record, descriptor: received?.take())
    }

    /// Gives up a slot that does not answer: its waiters fail with `error`, and its processes are killed.
    func giveUp(_ error: SandboxError) {
        if self.close(error) { kill(self) }
    }

    private func check(_ record: isolate_status_record, _ doing: String) throws(SandboxError) {
        if record.failure.stage != 0 {
            throw SandboxError(record.failure, while: doing, bindMounts: bindMounts)
        }
    }

    func ready(_ fd: Int32, events: UInt32) {
        while true {
            var message = isolate_slot_message()
            var received: Int32 = -1
            let result = state.withLock { state in
                // After a close the number may belong to another file.
                state.machine.isClosed ? 0 : isolate_slot_receive(fd, &message, &received)
            }
            if result == 0 { return }
            let descriptor = OwnedDescriptor(owning: received)
            guard result > 0 else {
                close()
                return
            }
            if message.type == ISOLATE_RUN_ENDED.rawValue {
                handleEnd(message.run)
            } else {
                deliver(.success((message.status, ReceivedDescriptor(descriptor))))
            }
        }
    }

    private func handleEnd(_ record: isolate_run_record) {
        let (run, closes) = state.withLock { $0.machine.runEnded(record.serial) }
        run?.ended(.success(record))
        if closes { close() }
    }

    private func deliver(_ answer: Answer) {
        state.withLock { $0.machine.answered(answer) }?.resume(returning: answer)
    }

    /// Closes the embedder's ends, upon which a working slot exits. Safe to call twice.
    ///
    /// - Returns: false when the slot was closed before.
    @discardableResult
    func close(_ error: SandboxError = Slot.gone) -> Bool {
        let closed = state.withLock { state in
            if let sockets = state.sockets.take() { loop.remove(sockets.control.number) }
            return state.machine.close()
        }
        guard let closed else { return false }
        closed.run?.ended(.failure(error))
        closed.waiter?.resume(returning: .failure(error))
        return true
    }

    static var gone: SandboxError {
        SandboxError(
            .supervisorLost, message: "the sandbox's processes ended under it",
            hint: "try again in a new sandbox")
    }
}

/// A descriptor that came with an answer; it closes with the answer unless a caller takes it.
final class ReceivedDescriptor: Sendable {
    private let owner: Locked<OwnedDescriptor?>

    /// Returns `nil` when the answer has no descriptor.
    init?(_ descriptor: consuming OwnedDescriptor?) {
        guard let descriptor else { return nil }
        owner = Locked(descriptor)
    }

    /// Returns `nil` when the descriptor was taken before.
    func take() -> OwnedDescriptor? { owner.withLock { $0.take() } }
}

/// The slot's answer and the descriptor that came with it.
struct SlotAnswer: ~Copyable {
    let record: isolate_status_record
    let descriptor: OwnedDescriptor?

    /// The descriptor's number, or -1, which every system call refuses.
    var number: Int32 { descriptor.number }
}
