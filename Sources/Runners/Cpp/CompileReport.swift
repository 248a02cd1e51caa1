/// The report of a compiler's run.
import SandboxAPI
import SandboxRuntime

/// What the compiler did with a source.
public struct CompileReport: Sendable, Hashable {
    /// The compiler's run: outcome, streams, usage, limits, isolation, provenance.
    public var result: RunResult
    /// What ``Diagnostic/parse(_:)``, or for Python ``PythonTraceback/parse(_:)``, found in the compiler's stderr: at
    /// most ``Diagnostic/maximumCount``.
    /// When the kernel refuses to execute the compiler's output, one more diagnostic says so: that source
    /// does not compile to a program.
    public var diagnostics: [Diagnostic]

    public init(result: RunResult, diagnostics: [Diagnostic]) {
        self.result = result
        self.diagnostics = diagnostics
    }

    /// What ended the compiler: only `exited(code: 0)` gives a program.
    public var outcome: Outcome { result.outcome }
    public var stdout: [UInt8] { result.stdout }
    /// The compiler's messages as it wrote them.
    public var stderr: [UInt8] { result.stderr }
    /// stderr as text; bytes that are not UTF-8 are replaced.
    public var stderrText: String { result.stderrText }
    public var usage: Usage { result.usage }
}
