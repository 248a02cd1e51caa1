/// A slot as the place of a sandbox: its runs in cells. LocalFiles.swift has its files.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

struct LocalPlace: DescriptorPlace, KeepingPlace {
    let pool: LocalPool
    let lease: PoolLease<Slot>
    let options: SandboxOptions

    var slot: Slot { lease.member }
    var rootfs: Rootfs { options.rootfs }
    var environment: [ByteString: ByteString] { pool.environment }

    func checkUsable() throws(SandboxError) { try pool.checkOwner() }

    func giveBack() { pool.slots.release(lease, reusable: false) }

    func explain(_ error: SandboxError) -> SandboxError { pool.explain(error) }

    private var processors: Int { Int(pool.supervisor.handle.processors) }

    func prepare(_ limits: Limits) async throws(SandboxError) {
        try LimitDescription.checkProcessors(limits, has: processors, "this process")
        try await slot.setDisk(limits.disk)
    }

    func holes(_ limits: Limits) -> [String] {
        guard let cpus = limits.cpus, cpus < cpus.rounded(.up) else { return [] }
        return [
            "\(cpus) processors were asked for and \(Int(cpus.rounded(.up))) given: this backend bounds which processors a "
                + "run has, and not how much of one"
        ]
    }

    // MARK: Runs

    /// Most runs end sooner, and are not disturbed by the preparation of the next sandbox on another processor.
    private static let replenishedAfter = Duration.milliseconds(2)

    func start(
        _ asked: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay {
        let slot = slot
        try await slot.withdrawUnclaimed()
        guard let serial = slot.reserveRun() else {
            throw SandboxError(.sandboxBusy, message: "a run is under way in this slot")
        }
        let ends: RunEnds
        do throws(SandboxError) { ends = try RunEnds(asked, of: slot) } catch {
            slot.forgetRun(serial)
            throw error
        }
        // The embedder's copies of the program's ends close when this returns: by then the program has its
        // own, or the start has failed.
        let (stdin, stdout, stderr) = (
            ends.stdin.number, ends.stdout.theirs.number, ends.stderr.theirs.number
        )
        var bounds = isolate_limits(asked.limits)
        let share = bounds.cpus == 0 ? nil : ProcessorShare(Int(bounds.cpus), of: processors)
        bounds.cpu_first = UInt64(share?.first ?? 0)
        let replenish = { @Sendable [pool] in pool.slots.replenish() }
        let run = LocalRun(
            asked, in: slot, serial: serial, input: ends.pump, stdout: ends.stdout.ours,
            stderr: ends.stderr.ours,
            onEnd: {
                share?.giveBack()
                onEnd()
            },
            onResult: replenish)
        slot.begin(run)
        // The embedder measures the wall time, so that a hung slot cannot delay it. It begins before the
        // request: making the cell counts towards the grace.
        let wallTime = asked.limits.wallTime
        run.bounds.add(after: wallTime + slot.patience.grace) {
            slot.giveUp(slot.patience.endlessRun(wallTime))
        }
        // For the next callers, when this run takes long.
        run.bounds.add(after: Self.replenishedAfter, replenish)
        var flags = options.blockedSyscalls.runFlags
        if stdin < 0 { flags |= ISOLATE_RUN_NO_INPUT.rawValue }
        if slot.withKeptFiles({ files, _ in files.isTaken }) { flags |= ISOLATE_RUN_TAKES_PLACED.rawValue }
        var stdio = (stdin < 0 ? stdout : stdin, stdout, stderr)
        let strings = asked.strings
        let sent = strings.bytes.withUnsafeBytes { bytes in
            withUnsafeBytes(of: &stdio) { stdio in
                slot.withSockets { _, request in
                    isolate_run_send(
                        request, serial, &bounds, flags, UInt32(strings.argumentCount),
                        UInt32(strings.variableCount), bytes.assumingMemoryBound(to: CChar.self).baseAddress,
                        bytes.count, stdio.assumingMemoryBound(to: Int32.self).baseAddress)
                }
            }
        }
        guard sent == 0 else {
            slot.forgetRun(serial)
            run.abandon()
            run.stopInput()
            throw sent == -EPIPE || sent == -ECONNRESET
                ? Slot.gone
                : SandboxError(
                    .setupFailed, stage: "request", errno: -sent,
                    message: "cannot send the request: \(describe(errno: -sent))")
        }
        return run
    }
}

/// The pipes and the stdin of one run.
private struct RunEnds: ~Copyable {
    let stdout: OutputEnds
    let stderr: OutputEnds
    let stdin: OwnedDescriptor?
    let pump: InputPump?

    /// Makes the stdin last, so that nothing feeds it when a pipe cannot be made.
    init(_ asked: PlacedRequest, of slot: Slot) throws(SandboxError) {
        let stdout = try OutputEnds(asked.ends?.takeOutput(.stdout), user: slot.hostUser)
        let stderr = try OutputEnds(asked.ends?.takeOutput(.stderr), user: slot.hostUser)
        let connected = asked.ends?.takeInput()
        if connected.number >= 0 {
            stdin = connected
            pump = nil
        } else {
            let source = try InputSource(asked.stdin, user: slot.hostUser, loop: slot.loop)
            pump = source.pump
            stdin = source.programEnd
        }
        self.stdout = stdout
        self.stderr = stderr
    }
}

/// Where an output of a program goes: into a pipe that the embedder reads, or a descriptor of its caller's.
private struct OutputEnds: ~Copyable {
    let ours: OwnedDescriptor?
    let theirs: OwnedDescriptor

    init(_ connected: consuming OwnedDescriptor?, user: UInt32) throws(SandboxError) {
        if let connected {
            theirs = connected
            ours = nil
        } else {
            let pipe = try ProgramPipe(reading: user)
            theirs = pipe.theirs
            ours = .some(pipe.ours)
        }
    }
}
