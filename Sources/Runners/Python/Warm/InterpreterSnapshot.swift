/// Has an interpreter load modules and write itself as an executable, inside a sandbox.

import SandboxAPI
import SandboxRuntime

/// What the template is started with, and what it left.
///
/// The executable is made of what the image and the modules did in a sandbox, and is executed nowhere but in one, with
/// the same layers as any program. The library believes nothing of it: whether it works is seen by running it.
struct InterpreterSnapshot {
    /// The executable, as a file of each sandbox.
    let file: InputFile

    /// Why there is none.
    enum Failure: Error {
        /// A module could not be imported; what the interpreter said.
        case `import`(String)
        /// The host or the interpreter does not permit it; the reason.
        case impossible(String)
    }

    /// Where the executable is in a sandbox. No source can be here: their names do not begin with a dot.
    static let path: ByteString = ".python3"
    /// A larger one would be written for each run.
    private static let maximumBytes = KeptFiles.sizes.upperBound

    private static let folder: ByteString = ".warm"
    private static let importFailed: Int32 = 101
    private static let snapshotFailed: Int32 = 102

    /// Starts the interpreter with the same arguments as a run, and as a module of its start the one that makes it a
    /// template.
    static func command(
        _ interpreter: ByteString, _ arguments: [ByteString], importing modules: [String],
        environment: [ByteString: ByteString]
    ) -> Command {
        let own: [ByteString: ByteString] = [
            "LD_PRELOAD": "\(folder)/snapshot.so",
            "PYTHONPATH": folder,
            "SWIFT_SANDBOX_WARM": ByteString(modules.joined(separator: " ")),
        ]
        return Command(
            interpreter, arguments, environment: environment.merging(own) { $1 },
            inputFiles: [
                InputFile("\(folder)/snapshot.so", SnapshotLibrary.bytes),
                InputFile("\(folder)/sitecustomize.py", PackageResources.sitecustomize_py),
            ])
    }

    /// Reads what a template left.
    ///
    /// - Throws: ``Failure``, and the sandbox's own errors.
    static func read(from sandbox: any SandboxLease, after result: RunResult) async throws
        -> InterpreterSnapshot
    {
        let said = result.stderrText.split(separator: "\n").last.map(String.init) ?? ""
        switch result.outcome {
        case .exited(code: 0): break
        case .exited(code: importFailed): throw Failure.import(said)
        case .exited(code: snapshotFailed): throw Failure.impossible("no snapshot could be written: \(said)")
        default:
            throw Failure.impossible("the interpreter did not become a template (\(result.outcome)): \(said)")
        }
        do throws(SandboxError) {
            let bytes = try await sandbox.read("\(folder)/python3", maxBytes: maximumBytes)
            return InterpreterSnapshot(file: InputFile(path, bytes, executable: true).reused())
        } catch {
            switch error.code {
            case .fileNotFound: throw Failure.impossible("the interpreter passes over PYTHONPATH")
            case .fileTooLarge:
                throw Failure.impossible("the snapshot has more than \(maximumBytes >> 20) MiB")
            default: throw error
            }
        }
    }
}
