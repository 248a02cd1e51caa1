/// Writes bytes to the command's stdout and stderr, exactly and completely.

#if CLI
import Dispatch
import Glibc
import Sandbox
import SandboxRuntime

/// A write to the command's stdout failed.
struct StdoutFailure: Error {
    var errno: Int32

    /// The status with which a shell reports a program that wrote to a pipe without a reader.
    static let brokenPipeStatus = ExitStatus.signalBase + SIGPIPE
}

enum StandardStreams {
    /// One serial queue: chunks keep their order, and a slow reader blocks none of the runtime's threads.
    private static let queue = DispatchQueue(label: "sandbox.streams")

    static func writeOut(_ bytes: [UInt8]) async throws(StdoutFailure) {
        let failure = await write(bytes, to: STDOUT_FILENO)
        if failure != 0 { throw StdoutFailure(errno: failure) }
    }

    /// Writes to stderr; a failure is ignored, since there is no stream left to report it on.
    static func writeError(_ bytes: [UInt8]) async {
        _ = await write(bytes, to: STDERR_FILENO)
    }

    /// Writes one of the command's own messages to stderr. Names in it, of files and images, are others' choice.
    static func say(_ message: String) async {
        await writeError(Array("sandbox: \(TerminalText.visibleLines(message))\n".utf8))
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) async -> Int32 {
        if bytes.isEmpty { return 0 }
        return await Waiter.wait { waiter in
            queue.async { waiter.resume(returning: writeAll(bytes, to: descriptor)) }
        }
    }

    /// Returns 0 or the error number.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
                if count >= 0 {
                    done += count
                } else if errno == EAGAIN {
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&ready, 1, -1)
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
    }
}
#endif
