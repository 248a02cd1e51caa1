/// Expectations of results; one that fails shows all that is known of the run.

public import SandboxAPI
public import Testing

/// Expects a run to have ended so, and its streams to be these.
///
/// A failed one is recorded as one issue, with both streams, usage, limits, isolation and provenance in it.
/// - Parameters:
///   - result: the run's.
///   - outcome: what ended it.
///   - stdout: the whole stdout as UTF-8; not looked at when `nil`.
///   - stderr: the whole stderr as UTF-8; not looked at when `nil`.
///   - comment: of the test's own, shown with a failure.
///   - sourceLocation: where a failure is recorded.
/// - Returns: whether it was so.
@discardableResult
public func expect(
    _ result: RunResult, _ outcome: Outcome, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    var unmet: [String] = []
    if result.outcome != outcome {
        unmet.append("expected \(outcome), but the run ended with \(result.outcome)")
    }
    for (name, expected, found) in [("stdout", stdout, result.stdout), ("stderr", stderr, result.stderr)] {
        guard let expected, Array(expected.utf8) != found else { continue }
        unmet.append("expected \(name) to be \(expected.debugDescription)")
    }
    if unmet.isEmpty { return true }
    let words = [comment()?.rawValue].compactMap(\.self) + unmet + [result.testDescription]
    Issue.record(Comment(rawValue: words.joined(separator: "\n")), sourceLocation: sourceLocation)
    return false
}

/// Expects a program to have left by itself with this status; see ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
@discardableResult
public func expect(
    _ result: RunResult, exited code: Int32, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    expect(
        result, .exited(code: code), stdout: stdout, stderr: stderr, comment(), sourceLocation: sourceLocation
    )
}

/// Expects a signal that no limit sent to have ended a program; see ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
@discardableResult
public func expect(
    _ result: RunResult, signaled signal: Int32, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    expect(
        result, .signaled(signal: signal), stdout: stdout, stderr: stderr, comment(),
        sourceLocation: sourceLocation)
}

/// Expects a limit to have ended a run; see ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
@discardableResult
public func expect(
    _ result: RunResult, limitExceeded limit: LimitKind, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    expect(
        result, .limitExceeded(limit), stdout: stdout, stderr: stderr, comment(),
        sourceLocation: sourceLocation)
}

/// Expects a system call to have ended a run; see ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
@discardableResult
public func expect(
    _ result: RunResult, blockedSyscall name: String, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    expect(
        result, .blockedSyscall(name: name), stdout: stdout, stderr: stderr, comment(),
        sourceLocation: sourceLocation)
}

/// Expects the sandbox to fail with one of these codes. Anything else, a result too, is recorded as one issue.
///
/// - Parameters:
///   - codes: one, or several where the protocol leaves the choice.
///   - comment: of the test's own, shown with a failure.
///   - sourceLocation: where a failure is recorded.
///   - body: what is to throw.
/// - Returns: the error, if it was one of them.
@discardableResult
public func expectError<Value>(
    _ codes: SandboxError.Code..., comment: @autoclosure () -> Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async -> SandboxError? {
    let found: String
    do {
        switch try await body() {
        case let result as RunResult: found = "there was none, but a result\n" + result.testDescription
        case let bytes as [UInt8]: found = "there was none, but \(bytes.count) bytes"
        case let value: found = "there was none, but \(value)"
        }
    } catch let error as SandboxError {
        if codes.contains(error.code) { return error }
        found = "it was \(error)" + (error.provenance.map { "\nprovenance: " + $0.testDescription } ?? "")
    } catch {
        found = "it was \(error)"
    }
    let expected = "expected the error \(codes.map(\.rawValue).joined(separator: " or ")), but \(found)"
    let words = [comment()?.rawValue].compactMap(\.self) + [expected]
    Issue.record(Comment(rawValue: words.joined(separator: "\n")), sourceLocation: sourceLocation)
    return nil
}
