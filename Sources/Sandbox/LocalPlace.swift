/// A slot as the place of a sandbox: its runs, in cells. LocalFiles.swift has its files.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

struct LocalPlace: SandboxPlace {
    let engine: LocalEngine
    let lease: PoolLease<Slot>
    let options: SandboxOptions

    var slot: Slot { lease.member }
    var rootfs: Rootfs { options.rootfs }
    var environment: [ByteString: ByteString] { engine.environment }

    func checkUsable() throws(SandboxError) { try engine.checkOwner() }

    func giveBack() { engine.pool.release(lease, reusable: false) }

    func explain(_ error: SandboxError) -> SandboxError { engine.explain(error) }

    func requestLeft() { engine.pool.replenish() }

    private var processors: Int { Int(engine.supervisor.handle.processors) }

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

    func start(
        _ asked: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay {
        let slot = slot
        guard let serial = slot.reserveRun() else {
            throw SandboxError(.sandboxBusy, message: "a run is under way in this slot")
        }
        let pipes: (input: InputSource, out: ProgramPipe, err: ProgramPipe)
        do throws(SandboxError) { pipes = try makePipes(asked.stdin) } catch {
            slot.forgetRun(serial)
            throw error
        }
        let (input, out, err) = pipes
        defer {
            input.closeProgramEnd()
            Glibc.close(out.theirs)
            Glibc.close(err.theirs)
        }
        var bounds = isolate_limits(asked.limits)
        let share = bounds.cpus == 0 ? nil : ProcessorShare(Int(bounds.cpus), of: processors)
        bounds.cpu_first = UInt64(share?.first ?? 0)
        let run = LocalRun(
            asked, in: slot, serial: serial, input: input, stdout: out.ours, stderr: err.ours,
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
        if input.fd < 0 { flags |= ISOLATE_RUN_NO_INPUT.rawValue }
        var stdio = (input.fd < 0 ? out.theirs : input.fd, out.theirs, err.theirs)
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
            input.stop()
            throw sent == -EPIPE || sent == -ECONNRESET
                ? Slot.gone
                : SandboxError(
                    .setupFailed, stage: "request", errno: -sent,
                    message: "cannot send the request: \(describe(errno: -sent))")
        }
        return run
    }

    /// Nothing is left open when one of them cannot be made.
    private func makePipes(
        _ stdin: StandardInput
    ) throws(SandboxError) -> (input: InputSource, out: ProgramPipe, err: ProgramPipe) {
        let input = try InputSource.make(stdin, user: slot.hostUser, loop: slot.loop)
        do throws(SandboxError) {
            let out = try ProgramPipe(reading: slot.hostUser)
            do throws(SandboxError) { return (input, out, try ProgramPipe(reading: slot.hostUser)) } catch {
                out.closeBoth()
                throw error
            }
        } catch {
            input.closeProgramEnd()
            input.stop()
            throw error
        }
    }
}
