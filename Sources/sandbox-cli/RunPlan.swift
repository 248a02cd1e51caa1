/// Everything that a run needs, checked and read before a backend is made.

#if CLI
import Runners
import Sandbox

struct RunPlan: Sendable {
    var limits: Limits
    var options: SandboxOptions
    var environment: [ByteString: ByteString]
    var inputFiles: [InputFile]
    /// Directories of the host, written before the files.
    var inputTrees: [InputTree]
    var stdin: StandardInput
    var outputs: [OutputName]
    /// `nil` when no file is to be collected.
    var outputDirectory: OutputDirectory?

    /// - Parameter standard: the limits where no option says otherwise.
    init(_ shared: SharedOptions, standard: Limits = .standard) throws(SandboxError) {
        limits = shared.limits.run(over: standard)
        let inputs = shared.inputs
        options = shared.place.sandboxOptions(try Self.image(shared.place.image))
        // The files of `--in DIR` are written before the run, and may need all of its disk.
        options.firstLimits = limits
        environment = try ProgramEnvironment.load(files: inputs.envFile, options: inputs.env)
        // Files larger than the sandbox's disk are not read.
        (inputFiles, inputTrees) = try InputFileOption.loadAll(inputs.inputs, limit: limits.disk)
        stdin = try OwnStandardInput.open(inputs.stdin)
        outputs = []
        for name in inputs.outputs where !outputs.contains(where: { $0.path == name.path }) {
            outputs.append(name)
        }
        outputDirectory = outputs.isEmpty ? nil : try OutputDirectory(inputs.outDir)
    }

    /// The image of the option `--image`.
    static func image(_ name: ByteString) throws(SandboxError) -> Image {
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

    /// Adds what became of output that was passed on while the program ran.
    mutating func add(_ relayed: RelayedOutput) {
        wasStreamed = true
        isMidLine = relayed.isMidLine
        guard let kept = relayed.kept else { return }
        result?.stdout = kept.stdout
        result?.stderr = kept.stderr
    }
}
#endif
