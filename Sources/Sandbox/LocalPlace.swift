/// A slot as the place of a sandbox: files through descriptors that the slot opens, runs in its cells.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

struct LocalPlace: SandboxPlace {
    let pool: LocalPool
    let lease: PoolLease<Slot>
    let options: SandboxOptions

    private var slot: Slot { lease.member }
    var rootfs: Rootfs { options.rootfs }
    var environment: [ByteString: ByteString] { pool.environment }

    func checkUsable() throws(SandboxError) { try pool.checkOwner() }

    func giveBack() { pool.slots.release(lease, reusable: false) }

    func explain(_ error: SandboxError) -> SandboxError { pool.explain(error) }

    func requestLeft() { pool.slots.replenish() }

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

    // MARK: Files

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        if executable {
            let content = bytes.withUnsafeBytes { isolate_memory_file($0.baseAddress, $0.count) }
            guard content >= 0 else { throw FileErrors.error(errno: -content, path: path) }
            defer { Glibc.close(content) }
            return try await slot.writeExecutable(path, content: content)
        }
        let fd = try await slot.open(path, mode: ISOLATE_FILE_WRITE).fd
        defer { Glibc.close(fd) }
        do throws(SandboxError) {
            try Self.writeAll(bytes, fd, path)
        } catch {
            // A part of a file is worse than none.
            try? await slot.remove(path)
            throw error
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ fd: Int32, _ path: ByteString) throws(SandboxError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + done, bytes.count - done) }
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw FileErrors.error(errno: errno, path: path)
            }
        }
    }

    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        let (fd, size, isExecutable) = try await slot.open(path, mode: ISOLATE_FILE_READ)
        defer { Glibc.close(fd) }
        guard size <= maxBytes else { throw FileErrors.tooLarge(path, maxBytes) }
        return OutputFile(try Self.readAll(fd, maxBytes, path), executable: isExecutable)
    }

    /// The file may grow or shrink while it is read: the bound is on what is really read.
    private static func readAll(_ fd: Int32, _ maxBytes: Int, _ path: ByteString) throws(SandboxError)
        -> [UInt8]
    {
        var result: [UInt8] = []
        while true {
            var count = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = Glibc.read(fd, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileErrors.error(errno: errno, path: path) }
            if count == 0 { return result }
            guard result.count + count <= maxBytes else { throw FileErrors.tooLarge(path, maxBytes) }
            result += chunk
        }
    }

    // MARK: Runs

    func start(
        _ asked: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay {
        let slot = slot
        guard let serial = slot.reserveRun() else {
            throw SandboxError(.sandboxBusy, message: "a run is under way in this slot")
        }
        let ends: RunEnds
        do throws(SandboxError) { ends = try RunEnds(asked.stdin, of: slot) } catch {
            slot.forgetRun(serial)
            throw error
        }
        // Our copies of the program's ends are closed when this returns: it has its own by then, or never will.
        let (stdin, stdout, stderr) = (
            ends.stdin.programEnd.number, ends.stdout.theirs.number, ends.stderr.theirs.number
        )
        var bounds = isolate_limits(asked.limits)
        let share = bounds.cpus == 0 ? nil : ProcessorShare(Int(bounds.cpus), of: processors)
        bounds.cpu_first = UInt64(share?.first ?? 0)
        let run = LocalRun(
            asked, in: slot, serial: serial, input: ends.stdin.pump, stdout: ends.stdout.ours,
            stderr: ends.stderr.ours,
            onEnd: {
                share?.giveBack()
                onEnd()
            })
        slot.begin(run)
        // Counted here, whatever becomes of the slot, and from before the request: making a cell is within the grace.
        let wallTime = asked.limits.wallTime
        run.bounds.add(after: wallTime + slot.patience.grace) {
            slot.giveUp(slot.patience.endlessRun(wallTime))
        }
        var flags = options.blockedSyscalls.runFlags
        if stdin < 0 { flags |= ISOLATE_RUN_NO_INPUT.rawValue }
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

/// The pipes of one run, and its stdin.
private struct RunEnds: ~Copyable {
    let stdout: ProgramPipe
    let stderr: ProgramPipe
    let stdin: InputSource

    /// The stdin comes last: only then does anything feed it.
    init(_ stdin: StandardInput, of slot: Slot) throws(SandboxError) {
        let stdout = try ProgramPipe(reading: slot.hostUser)
        let stderr = try ProgramPipe(reading: slot.hostUser)
        self.stdin = try InputSource(stdin, user: slot.hostUser, loop: slot.loop)
        self.stdout = stdout
        self.stderr = stderr
    }
}
