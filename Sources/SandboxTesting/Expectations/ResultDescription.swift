/// The description of a result for a failed test: all of it.

public import SandboxAPI
import SandboxRuntime
public import Testing

extension RunResult: CustomTestStringConvertible {
    /// The outcome, both streams (of a long one its two ends), usage and limits, the layers in force, and the
    /// provenance.
    public var testDescription: String {
        """
        outcome: \(outcome)
        limits hit: \(list(limitsHit)), denied system calls: \(list(deniedSyscalls))
        stdout: \(shown(stdout, isTruncated: stdoutTruncated))
        stderr: \(shown(stderr, isTruncated: stderrTruncated))
        usage: \(usage.testDescription)
        limits: \(limits.testDescription)
        isolation: \(isolation.testDescription)
        provenance: \(provenance.testDescription)
        """
    }

    /// How many bytes of each end of a stream are shown.
    private static let shownBytes = 2048

    private func shown(_ bytes: [UInt8], isTruncated: Bool) -> String {
        var text = "\(bytes.count) bytes" + (isTruncated ? ", truncated" : "")
        guard !bytes.isEmpty else { return text }
        let head = ByteString(bytes.prefix(Self.shownBytes))
        text += " " + head.description.debugDescription
        if bytes.count > Self.shownBytes {
            let tail = ByteString(bytes.dropFirst(Self.shownBytes).suffix(Self.shownBytes))
            text += " … " + tail.description.debugDescription
        }
        return text
    }
}

extension Usage: CustomTestStringConvertible {
    public var testDescription: String {
        """
        wall \(wallTime), CPU \(cpuTime) (user \(userTime), system \(systemTime); \(cpuSource)), \
        peak memory \(peakMemory) (\(memorySource)), resident \(residentPeak) (\(residentSource)), \
        memory resolution \(memoryResolution), peak processes \(peakProcesses) (\(processesSource))
        """
    }
}

extension Limits: CustomTestStringConvertible {
    /// Each limit by its name in ``/SandboxAPI/Limits``; sizes in bytes.
    public var testDescription: String {
        LimitDescription.all.map { "\($0.name) \($0.text(in: self))" }.joined(separator: ", ")
    }
}

extension IsolationReport: CustomTestStringConvertible {
    public var testDescription: String {
        """
        \(level), cgroup \(cgroup), layers \(list(layers)), missing \(list(missing))\
        \(reasons.isEmpty ? "" : ", because: " + reasons.joined(separator: "; "))
        """
    }
}

extension Provenance: CustomTestStringConvertible {
    public var testDescription: String {
        var text =
            "\(kind) (requested: \(requested)), instance \(instance), sandbox \(sandbox), image \(image)"
        if let imageDigest { text += " \(imageDigest)" }
        if let engine { text += ", engine \(engine.id) at \(engine.address)" }
        text += ", attempt \(attempt), library \(library), process \(hostPID)"
        if let fallbackReason { text += ", fallback: \(fallbackReason)" }
        return text
    }
}

private func list(_ values: [some Any]) -> String {
    values.isEmpty ? "none" : values.map { "\($0)" }.joined(separator: ", ")
}
