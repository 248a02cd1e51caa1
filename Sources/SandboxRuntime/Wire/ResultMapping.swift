/// Converts the slot's record to the public result. Pure.

package import CIsolate
package import SandboxAPI

extension isolate_status_record {
    /// Whether the owner of a file that was opened for reading may execute it.
    package var isExecutable: Bool { value & 0o100 != 0 }
}

extension Duration {
    /// Whole nanoseconds, at least 1; for durations that were checked to be positive and in range.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return max(1, UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000)
    }

    static func nanoseconds(_ value: UInt64) -> Duration { .nanoseconds(Int64(clamping: value)) }
}

extension isolate_syscall {
    var name: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            isolate_syscall_name(self, buffer.baseAddress, buffer.count)
            return String(cString: buffer.baseAddress!)
        }
    }
}

extension RunOutput {
    /// Ends the output with the core's record.
    ///
    /// - Parameters:
    ///   - command: for messages.
    ///   - disk: the directory without a quota, for messages.
    package func finish(_ end: Result<isolate_run_record, SandboxError>, of command: Command, disk: String) {
        let (hasExceeded, isStopped) = (hasExceeded, isStopped)
        finish(
            end.flatMap { record in
                do throws(SandboxError) {
                    return .success(
                        try RunEnd(
                            record, hasExceeded: hasExceeded, isStopped: isStopped, command: command,
                            disk: disk))
                } catch {
                    return .failure(error)
                }
            })
    }
}

extension RunEnd {
    /// - Throws: for an end that the program did not cause: cancellation, the host out of memory, a step that
    ///   failed.
    fileprivate init(
        _ record: isolate_run_record, hasExceeded: Bool, isStopped: Bool, command: Command, disk: String
    ) throws(SandboxError) {
        var record = record
        // Whoever stops a run for its output counted the bytes outside of it.
        if isStopped, hasExceeded, record.end == ISOLATE_END_CANCEL.rawValue {
            record.end = ISOLATE_END_OUTPUT.rawValue
        }
        let decided = isolate_outcome_of(&record, hasExceeded ? 1 : 0)
        let outcome: Outcome
        switch isolate_outcome_kind(UInt32(decided.kind)) {
        case ISOLATE_OUTCOME_EXITED: outcome = .exited(code: decided.value)
        case ISOLATE_OUTCOME_SIGNALED: outcome = .signaled(signal: decided.value)
        case ISOLATE_OUTCOME_BLOCKED: outcome = .blockedSyscall(name: record.blocked.name)
        case ISOLATE_OUTCOME_LIMIT:
            guard let kind = LimitKind(isolate_limit_kind(UInt32(decided.limit))) else {
                throw SandboxError(.internalError, message: "unknown limit \(decided.limit)")
            }
            outcome = .limitExceeded(kind)
        case ISOLATE_OUTCOME_CANCELLED:
            guard isStopped else { throw SandboxError.runCancelled }
            outcome = .signaled(signal: Self.killed)
        case ISOLATE_OUTCOME_HOST_OOM:
            throw SandboxError(
                .hostOutOfMemory, stage: "run",
                message: "the host, or a cgroup above this process, ran out of memory and killed the program",
                hint: "it was not the run's own limit: give the host more memory, or run less at a time")
        case ISOLATE_OUTCOME_HOST_DISK:
            throw SandboxError(
                .hostOutOfDisk, stage: "run",
                message:
                    "the program failed, and the disk beneath its files, that of \(disk), was full meanwhile",
                hint: "it was not the run's own limit: free some room there")
        default:
            throw SandboxError(runFailure: record.failure, command: command)
        }
        let denied = withUnsafeBytes(of: &record.denied) { bytes in
            bytes.bindMemory(to: isolate_syscall.self).prefix(Int(record.denied_count)).map(\.name)
        }
        self.init(
            outcome: outcome, limitsHit: LimitKind.kinds(of: decided.limits_hit), deniedSyscalls: denied,
            usage: Usage(record))
        endedAt = record.ended_ns == 0 ? nil : record.ended_ns
    }

    /// SIGKILL, by which the library ends processes.
    private static var killed: Int32 { 9 }
}

extension Usage {
    fileprivate init(_ record: isolate_run_record) {
        self.init(
            wallTime: .nanoseconds(record.wall_ns), cpuTime: .nanoseconds(record.cpu_ns),
            userTime: .nanoseconds(record.user_ns), systemTime: .nanoseconds(record.system_ns),
            cpuSource: UsageSource(record.cpu_source), peakMemory: Int(clamping: record.peak_memory_bytes),
            memorySource: UsageSource(record.memory_source),
            residentPeak: Int(clamping: record.resident_peak_bytes),
            residentSource: UsageSource(record.resident_source), peakProcesses: Int(record.peak_processes),
            processesSource: UsageSource(record.processes_source),
            memoryResolution: Int(clamping: record.memory_resolution_bytes))
    }
}

extension UsageSource {
    fileprivate init(_ source: UInt32) {
        switch isolate_source(source) {
        case ISOLATE_SOURCE_SAMPLED: self = .sampled
        case ISOLATE_SOURCE_RUSAGE: self = .rusage
        default: self = .cgroup
        }
    }
}
