/// Everything that a run needs, checked and read before a backend is made.

#if CLI
import Sandbox

struct RunPlan: Sendable {
    var limits: Limits
    var options: SandboxOptions
    var environment: [ByteString: ByteString]
    var inputFiles: [InputFile]
    var stdin: StandardInput
    var outputs: [OutputName]
    /// `nil` when no file is to be collected.
    var outputDirectory: OutputDirectory?

    init(_ shared: SharedOptions) throws(SandboxError) {
        limits = shared.limits.run
        options = shared.sandboxOptions(try Self.image(shared.image))
        environment = [:]
        for variable in shared.env { environment[variable.name] = variable.value }
        // Files larger than the sandbox's disk are not read.
        inputFiles = try InputFileOption.load(shared.inputs, limit: limits.disk)
        stdin = try OwnStandardInput.open(shared.stdin)
        outputs = []
        for name in shared.outputs where !outputs.contains(where: { $0.path == name.path }) {
            outputs.append(name)
        }
        outputDirectory = outputs.isEmpty ? nil : try OutputDirectory(shared.outDir)
    }

    private static func image(_ name: ByteString) throws(SandboxError) -> Image {
        guard let text = name.exactText else {
            throw SandboxError(
                .invalidArgument, message: "the image's name '\(name)' is not UTF-8",
                hint: "rename the file, or name it by a link")
        }
        return .reference(text)
    }
}

/// The result of a plan.
struct FinishedRun: Sendable {
    /// The program's run; `nil` when compiling did not succeed.
    var result: RunResult?
    /// The collected files, by ``OutputName/path``.
    var files: [ByteString: OutputFile] = [:]
    /// Why the others were not collected.
    var uncollected: [ByteString: SandboxError.Code] = [:]
    /// True when the output was passed on while the program ran.
    var wasStreamed = false
    /// True when stderr, as passed on, stands in the middle of a line.
    var isMidLine = false
}
#endif
