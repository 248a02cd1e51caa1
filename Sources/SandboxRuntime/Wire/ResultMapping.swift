/// The slot's record as the public result. Pure.

package import CIsolate
package import SandboxAPI

extension isolate_limits {
    package init(_ limits: Limits) {
        self.init(
            wall_ns: limits.wallTime.nanoseconds, cpu_ns: limits.cpuTime.nanoseconds,
            memory_bytes: UInt64(limits.memory), processes: UInt64(limits.processes),
            file_size_bytes: UInt64(limits.fileSize), disk_bytes: UInt64(limits.disk),
            open_files: UInt64(limits.openFiles), stack_bytes: UInt64(limits.stack))
    }
}

extension isolate_status_record {
    /// Of a file that was opened for reading: its owner may execute it.
    package var isExecutable: Bool { value & 0o100 != 0 }
}

extension Duration {
    /// Whole nanoseconds, at least 1; for durations that were checked to be positive and not absurd.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return max(1, UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000)
    }

    static func nanoseconds(_ value: UInt64) -> Duration { .nanoseconds(Int64(clamping: value)) }
}

extension LimitKind {
    init?(_ kind: isolate_limit_kind) {
        switch kind {
        case ISOLATE_LIMIT_WALL_TIME: self = .wallTime
        case ISOLATE_LIMIT_CPU_TIME: self = .cpuTime
        case ISOLATE_LIMIT_MEMORY: self = .memory
        case ISOLATE_LIMIT_OUTPUT: self = .output
        case ISOLATE_LIMIT_PROCESSES: self = .processes
        case ISOLATE_LIMIT_DISK: self = .disk
        case ISOLATE_LIMIT_FILE_SIZE: self = .fileSize
        case ISOLATE_LIMIT_OPEN_FILES: self = .openFiles
        case ISOLATE_LIMIT_STACK: self = .stack
        default: return nil
        }
    }

    static func kinds(of bits: UInt32) -> [LimitKind] {
        (1..<ISOLATE_LIMIT_COUNT.rawValue).compactMap { kind in
            bits & (1 << kind) == 0 ? nil : LimitKind(isolate_limit_kind(kind))
        }
    }
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
    /// The last word, as the core says it.
    ///
    /// - Parameters:
    ///   - command: for messages.
    ///   - disk: whose files no quota bounds, for messages.
    package func finish(_ end: Result<isolate_run_record, SandboxError>, of command: Command, disk: String) {
        let hasExceeded = hasExceeded
        finish(
            end.flatMap { record in
                do throws(SandboxError) {
                    return .success(
                        try RunEnd(record, hasExceeded: hasExceeded, command: command, disk: disk))
                } catch {
                    return .failure(error)
                }
            })
    }
}

extension RunEnd {
    /// - Throws: what was not the program's doing: cancelled, the host out of memory, a step that failed.
    fileprivate init(
        _ record: isolate_run_record, hasExceeded: Bool, command: Command, disk: String
    ) throws(SandboxError) {
        var record = record
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
            throw SandboxError.runCancelled
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
    }
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
