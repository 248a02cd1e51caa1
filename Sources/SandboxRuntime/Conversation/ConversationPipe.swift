/// A pipe of the kernel between two programs, or between one and this process.

import CIsolate
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
        else {
            throw SandboxError(
                .setupFailed, stage: "stdio", errno: -result,
                message: "cannot make a pipe between two programs: \(describe(errno: -result))",
                hint: "raise the limit of open files (ulimit -n)")
        }
        self.reading = reading
        self.writing = writing
    }
}
