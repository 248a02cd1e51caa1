/// `sandbox doctor` and `sandbox cleanup`: the host's features, and the leftovers of dead owners.

#if CLI
import ArgumentParser
import FoundationEssentials
import Sandbox

#if Docker
import SandboxDocker
#endif

struct DoctorCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this host offers, layer by layer, and how to get what is missing.",
        discussion: "Exits with 125 when no isolation level works here; with --json always with 0.")

    @Flag(help: "Print one JSON object.")
    var json = false

    func perform() async -> Int32 {
        var report = await LocalBackend.probeHost()
        #if Docker
        report.entries.append(
            await DockerChoice.doctorEntry(ProcessInfo.processInfo.environment))
        #endif
        do {
            if json {
                try await StandardStreams.writeOut(try JSONText.encode(HostObject(report)))
                return ExitStatus.success
            }
            try await StandardStreams.writeOut(Array(HostTable.render(report).utf8))
        } catch {
            await StandardStreams.say("cannot write to stdout: \(error)")
            return ExitStatus.sandboxFailed
        }
        return report.level == nil ? ExitStatus.sandboxFailed : ExitStatus.success
    }
}

struct CleanupCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "Remove whatever dead owners left behind.")

    func perform() async -> Int32 {
        var removed: [String] = []
        var ghosts: [String] = []
        var failures: [SandboxError] = []
        // A failure of one backend does not keep the other from cleaning up.
        do throws(SandboxError) { removed += try await LocalBackend.cleanup() } catch {
            failures.append(error)
        }
        #if Docker
        do throws(SandboxError) {
            let found = try await DockerChoice.cleanUp(ProcessInfo.processInfo.environment)
            removed += found.removed
            ghosts = found.ghosts
        } catch {
            failures.append(error)
        }
        #endif
        var lines = removed.map { "removed " + $0 }
        lines += ghosts.map {
            "the engine lists \($0), and does not have it: a restart of the engine mends its list"
        }
        if lines.isEmpty, failures.isEmpty { lines = ["nothing to remove"] }
        do {
            if !lines.isEmpty {
                try await StandardStreams.writeOut(Array((lines.joined(separator: "\n") + "\n").utf8))
            }
        } catch {
            await StandardStreams.say("cannot write to stdout: \(error)")
            return ExitStatus.sandboxFailed
        }
        for error in failures {
            let provenance = error.provenance ?? BackendChoice.local.unanswered(image: "host")
            await FailureReport(error: error, provenance: provenance).print(json: false)
        }
        return failures.isEmpty ? ExitStatus.success : ExitStatus.sandboxFailed
    }
}
#endif
