/// Expectations on results; one that fails shows the whole result.

public import SandboxAPI
public import Testing

/// Expects a run to have this outcome and these streams.
///
/// A failure is recorded as one issue, with both streams, usage, limits, isolation and provenance in it.
/// - Parameters:
///   - result: the result of the run.
///   - outcome: the expected outcome.
///   - stdout: the whole stdout as UTF-8; not checked when `nil`.
///   - stderr: the whole stderr as UTF-8; not checked when `nil`.
///   - comment: the test's comment, shown with a failure.
///   - sourceLocation: where a failure is recorded.
/// - Returns: whether the expectation was met.
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

/// Expects a program to have exited by itself with this status; see
/// ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
@discardableResult
public func expect(
    _ result: RunResult, exited code: Int32, stdout: String? = nil, stderr: String? = nil,
    _ comment: @autoclosure () -> Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    expect(
        result, .exited(code: code), stdout: stdout, stderr: stderr, comment(), sourceLocation: sourceLocation
    )
}

/// Expects a program to have been ended by a signal that was not sent for a limit; see
/// ``expect(_:_:stdout:stderr:_:sourceLocation:)``.
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

/// Expects the sandbox to fail with one of these codes. Any other result or error is recorded as one issue.
///
/// - Parameters:
///   - codes: one, or several where the protocol allows several.
///   - comment: the test's comment, shown with a failure.
///   - sourceLocation: where a failure is recorded.
///   - body: the code that is expected to throw.
/// - Returns: the error, if it has one of the codes.
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
