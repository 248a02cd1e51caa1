// Expectations whose failures show the whole result, and skips that MUST_WORK=1 turns into failures.
import Foundation
import Sandbox
import Testing

extension RunResult {
    /// The whole result, for a failed expectation.
    var summary: String {
        func head(_ bytes: [UInt8]) -> String {
            let text = String(decoding: bytes.prefix(1500), as: UTF8.self)
            return "\(bytes.count) bytes \(text.debugDescription)"
        }
        return """
            outcome \(outcome), limitsHit \(limitsHit.map(\.rawValue)), deniedSyscalls \(deniedSyscalls), \
            wall \(usage.wallTime), cpu \(usage.cpuTime), peak \(usage.peakMemory), \
            resident \(usage.residentPeak), processes \(usage.peakProcesses)
            stderr: \(head(stderr))
            stdout: \(head(stdout))
            """
    }

    /// stdout's lines.
    var lines: [String] { stdoutText.split(separator: "\n").map(String.init) }

    /// stdout's lines of the form `key: value` or `key=value`.
    func fields(_ separator: Character = ":") -> [String: String] {
        var fields: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return fields
    }
}

/// Expects exactly this outcome, these survived limits and these denied calls.
func expect(
    _ result: RunResult, _ outcome: Outcome, limitsHit: Set<LimitKind> = [], denied: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.outcome == outcome, "\(result.summary)", sourceLocation: sourceLocation)
    #expect(Set(result.limitsHit) == limitsHit, "\(result.summary)", sourceLocation: sourceLocation)
    #expect(result.deniedSyscalls == denied, "\(result.summary)", sourceLocation: sourceLocation)
}

/// Expects a `SandboxError` of exactly this code.
func expectError<Value>(
    _ code: SandboxError.Code, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Value
) async {
    await expectError(oneOf: [code], what, sourceLocation: sourceLocation, body)
}

/// Expects a `SandboxError` of one of these codes, where the API allows several.
func expectError<Value>(
    oneOf codes: Set<SandboxError.Code>, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async {
    let expected = codes.map(\.rawValue).sorted().joined(separator: " or ")
    do {
        let value = try await body()
        let text =
            switch value {
            case let result as RunResult: result.summary
            case let bytes as [UInt8]: "\(bytes.count) bytes"
            default: "\(value)"
            }
        Issue.record("\(what): no error but \(text); expected \(expected)", sourceLocation: sourceLocation)
    } catch let error as SandboxError {
        #expect(
            codes.contains(error.code), "\(what): \(error); expected \(expected)",
            sourceLocation: sourceLocation)
    } catch {
        Issue.record(error, "\(what): expected \(expected)", sourceLocation: sourceLocation)
    }
}

/// Skips a test with a reason; with MUST_WORK=1 in the environment that is a failure.
func skip(_ reason: String, _ sourceLocation: SourceLocation = #_sourceLocation) {
    if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" {
        Issue.record("MUST_WORK=1, but: \(reason)", sourceLocation: sourceLocation)
    } else {
        print("skipped: \(sourceLocation.fileName):\(sourceLocation.line): \(reason)")
    }
}

/// The bytes that the program `write_exactly` writes.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(($0 / 4096 + $0) % 251) }
}

/// Expects two long byte strings to be equal, without printing them.
func expectEqual(
    _ found: [UInt8], _ expected: [UInt8], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    let isEqual = found == expected
    #expect(
        isEqual, "\(what): \(found.count) bytes, expected \(expected.count)", sourceLocation: sourceLocation)
}
