/// The lines of `--stats`: what a run used, where each figure is from, and where it ran. Pure.

#if CLI
import Sandbox
import SandboxRuntime

struct RunSummary {
    /// The program's run; `nil` when compiling did not succeed.
    var program: RunResult?
    var compile: RunResult?
    var isolation: IsolationReport
    var provenance: Provenance

    var lines: [String] {
        var lines: [String] = []
        if let compile { lines += Self.figures(of: compile, named: "compiler") }
        if let program {
            lines += Self.figures(of: program, named: "program")
            if !program.limitsHit.isEmpty {
                lines.append("limits hit: " + program.limitsHit.map(\.rawValue).joined(separator: ", "))
            }
            if !program.deniedSyscalls.isEmpty {
                lines.append("denied system calls: " + program.deniedSyscalls.joined(separator: ", "))
            }
        }
        var level = "isolation: \(isolation.level.rawValue), cgroup \(isolation.cgroup.rawValue)"
        if !isolation.missing.isEmpty {
            level += "; missing: " + isolation.missing.map(\.rawValue).joined(separator: ", ")
        }
        lines.append(level)
        lines += isolation.holes.map { "hole: \($0)" }
        var place = "backend: \(provenance.kind.rawValue)"
        if provenance.requested != provenance.kind.rawValue {
            place += " (requested: \(provenance.requested))"
        }
        place += ", image \(provenance.image)"
        if let digest = provenance.imageDigest { place += " \(digest)" }
        if provenance.attempt > 1 { place += ", attempt \(provenance.attempt)" }
        lines.append(place)
        return lines
    }

    private static func figures(of result: RunResult, named name: String) -> [String] {
        let usage = result.usage
        return [
            "\(name): \(text(of: result))",
            "\(name): wall time \(seconds(usage.wallTime)) (\(UsageSource.clock)), "
                + "CPU time \(seconds(usage.cpuTime)) (\(usage.cpuSource)): "
                + "user \(seconds(usage.userTime)), system \(seconds(usage.systemTime))",
            "\(name): peak memory \(size(usage.peakMemory)) (\(usage.memorySource)), "
                + "resident \(size(usage.residentPeak)) (\(usage.residentSource)); "
                + "peak processes \(usage.peakProcesses) (\(usage.processesSource))",
        ]
    }

    private static func text(of result: RunResult) -> String {
        if case .exited(let code) = result.outcome { return "exited with status \(code)" }
        return ExitStatus.explanation(of: result.outcome, limits: result.limits) ?? "\(result.outcome)"
    }

    /// With milliseconds: `0.012 s`.
    static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var milliseconds = seconds * 1000 + (attoseconds + 500_000_000_000_000) / 1_000_000_000_000_000
        milliseconds = max(0, milliseconds)
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return "\(milliseconds / 1000).\(fraction) s"
    }

    /// In the largest unit of which there is one, with one decimal: `3.2 MiB`.
    static func size(_ bytes: Int) -> String {
        if let (tenths, unit) = ByteSize.tenths(bytes) { return "\(tenths / 10).\(tenths % 10) \(unit)" }
        return ByteSize.describe(bytes)
    }
}
#endif
