/// What a validator of a problem with several passes leaves for the next one: its feedback directory, and the next input.

#if Judge
import SandboxRuntime

/// The feedback directory that all passes of a test share, though each runs its validator in a fresh sandbox: between two
/// passes its files are held here, so that a test never waits for one sandbox while it holds another.
struct PassFeedback: Sendable {
    /// What a pass says of a next one.
    enum Next: Sendable, Hashable {
        /// There is none.
        case none
        /// The input of the next pass.
        case input([UInt8])
        /// The validator broke the rules; a sentence that continues "the validator …".
        case fault(String)
    }

    /// The input of a next pass may have so many bytes: 64 MiB.
    private static let mostInput = 64 << 20
    /// What a feedback directory may hold between passes: 64 MiB in 10,000 entries.
    private static let most = TreeLimits(entries: 10_000, bytes: 64 << 20)

    /// A tar archive; empty before the first pass.
    private var files: [UInt8] = []

    /// The room that the files take at most: an archive has more bytes than they.
    var bytes: Int { files.count }

    /// Makes the directory, with what earlier passes left in it.
    func place(in sandbox: any SandboxLease) async throws(SandboxError) {
        if files.isEmpty {
            try await sandbox.makeDirectory("feedback")
        } else {
            try await sandbox.writeTree(files, to: "feedback", limits: Self.most)
        }
    }

    /// Takes the directory of a pass that is over.
    ///
    /// - Throws: errors of the sandbox; what the validator did wrong is a ``Next/fault(_:)``.
    mutating func take(from sandbox: any SandboxLease) async throws(SandboxError) -> Next {
        let path: ByteString = "feedback/nextpass.in"
        let next: [UInt8]
        do throws(SandboxError) {
            next = try await sandbox.read(path, maxBytes: Self.mostInput)
        } catch {
            switch error.code {
            case .fileNotFound: return .none
            case .fileTooLarge: return .fault("wrote a nextpass.in of more than \(Self.mostInput) bytes")
            case .notRegularFile, .notDirectory:
                return .fault("left a nextpass.in that is not a regular file")
            case .fileAccess: return .fault("left a nextpass.in that cannot be read")
            default: throw error
            }
        }
        do throws(SandboxError) {
            try await sandbox.remove(path)
            var archive: [UInt8] = []
            for try await piece in sandbox.readTree("feedback", limits: Self.most) { archive += piece }
            files = archive
        } catch {
            switch error.code {
            case .fileTooLarge, .tooManyFiles, .fileAccess, .fileChanged, .invalidPath, .notDirectory:
                return .fault(
                    "left a feedback directory that cannot be kept for the next pass: \(error.message)")
            default: throw error
            }
        }
        return .input(next)
    }
}
#endif
