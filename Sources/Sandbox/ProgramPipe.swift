/// A pipe between the embedder and a program.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// A pipe whose end in the embedder never blocks. The other end belongs to the program's user, because a
/// program may open `/dev/stdin`, `/dev/stdout` and `/dev/stderr` anew.
struct ProgramPipe: ~Copyable {
    let ours: OwnedDescriptor
    let theirs: OwnedDescriptor

    /// Makes a pipe that the embedder reads and the program writes.
    init(reading user: UInt32) throws(SandboxError) { try self.init(user, ourEnd: 0, stage: "stdio") }

    /// Makes a pipe that the embedder writes and the program reads.
    init(writing user: UInt32) throws(SandboxError) { try self.init(user, ourEnd: 1, stage: "stdin") }

    private init(_ user: UInt32, ourEnd: Int32, stage: String) throws(SandboxError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            isolate_pipe(user, ourEnd, $0.assumingMemoryBound(to: Int32.self).baseAddress!)
        }
        guard result == 0, let reading = OwnedDescriptor(owning: ends.0),
            let writing = OwnedDescriptor(owning: ends.1)
        else {
            throw SandboxError(
                .setupFailed, stage: stage, errno: -result,
                message: "cannot make a pipe: \(describe(errno: -result))",
                hint: "raise the limit of open files (ulimit -n)")
        }
        if ourEnd == 0 {
            ours = reading
            theirs = writing
        } else {
            ours = writing
            theirs = reading
        }
    }
}
