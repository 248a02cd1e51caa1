/// A pipe of the kernel between two programs, or between one and this process.

import CIsolate
import Glibc
import SandboxAPI

/// Both ends of a pipe. Either program may open its end anew (`/dev/stdin`), so the mode lets it; only processes that hold
/// an end can name the pipe.
struct ConversationPipe: ~Copyable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    init() throws(SandboxError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            isolate_pipe_between($0.assumingMemoryBound(to: Int32.self).baseAddress!)
        }
        guard result == 0, let reading = OwnedDescriptor(owning: ends.0),
            let writing = OwnedDescriptor(owning: ends.1)
        else { throw Self.failure(-result) }
        self.reading = reading
        self.writing = writing
    }

    /// A further descriptor of the writing end.
    func writingAgain() throws(SandboxError) -> OwnedDescriptor { try Self.copy(of: writing) }

    /// A further descriptor of the reading end.
    func readingAgain() throws(SandboxError) -> OwnedDescriptor { try Self.copy(of: reading) }

    private static func copy(of end: borrowing OwnedDescriptor) throws(SandboxError) -> OwnedDescriptor {
        let copy = OwnedDescriptor(owning: fcntl(end.number, F_DUPFD_CLOEXEC, 0))
        guard let copy else { throw failure(errno) }
        return copy
    }

    private static func failure(_ error: Int32) -> SandboxError {
        SandboxError(
            .setupFailed, stage: "stdio", errno: error,
            message: "cannot make a pipe between two programs: \(describe(errno: error))",
            hint: "raise the limit of open files (ulimit -n)")
    }
}
