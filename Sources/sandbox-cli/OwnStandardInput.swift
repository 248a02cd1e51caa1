/// Provides the program's stdin from `--stdin`: a file of the host, or the command's own stdin as it arrives.

#if CLI
import Dispatch
import Glibc
import Sandbox
import SandboxRuntime

enum OwnStandardInput {
    /// The value that names the command's own stdin.
    static let own: ByteString = "-"

    /// - Parameter option: a path, `-` for the command's own stdin, `nil` for an empty one.
    static func open(_ option: ByteString?) throws(SandboxError) -> StandardInput {
        guard let option else { return .none }
        if option == own { return try stream(DescriptorReader(STDIN_FILENO, name: "our own stdin")) }

        let what = "the stdin file"
        var status = stat()
        let path = option.cString
        if stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, R_OK) == 0 {
            return .file(path: option)
        }
        // FIFOs, devices, and paths that cannot be opened. As in a shell, opening a FIFO waits for its
        // writer.
        guard let file = OwnedDescriptor(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) else {
            throw HostFile.openFailure(errno, path: option, what: what)
        }
        return try stream(DescriptorReader(file, name: "\(what) '\(option)'"))
    }

    private static func stream(_ reader: DescriptorReader) throws(SandboxError) -> StandardInput {
        if reader.isDirectory {
            throw SandboxError(.notRegularFile, errno: EISDIR, message: "\(reader.name) is a directory")
        }
        return .stream(AsyncStream { await reader.next() })
    }
}

/// Reads a descriptor from its present position; a waiting read ends when its task is cancelled.
///
/// The program can end long before the command's stdin does, and the command must not wait for that.
final class DescriptorReader: Sendable {
    let name: String
    private let descriptor: Int32
    /// Closes the descriptor with the reader. `nil`: the command's own stdin, which stays open.
    private let owner: OwnedDescriptor?
    /// A pipe that becomes readable when the reader is to stop.
    private let wakeRead: OwnedDescriptor?
    private let wakeWrite: OwnedDescriptor?
    private let queue = DispatchQueue(label: "sandbox.stdin")

    /// - Parameter name: for messages.
    convenience init(_ file: consuming OwnedDescriptor, name: String) {
        self.init(file.number, owner: file, name: name)
    }

    /// - Parameters:
    ///   - descriptor: is not closed.
    ///   - name: for messages.
    convenience init(_ descriptor: Int32, name: String) { self.init(descriptor, owner: nil, name: name) }

    private init(_ descriptor: Int32, owner: consuming OwnedDescriptor?, name: String) {
        self.descriptor = descriptor
        self.owner = owner
        self.name = name
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        wakeRead = OwnedDescriptor(owning: ends[0])
        wakeWrite = OwnedDescriptor(owning: ends[1])
    }

    var isDirectory: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The next bytes, at most 64 KiB; `nil` at the end, after an error and after a cancellation.
    func next() async -> [UInt8]? {
        await withTaskCancellationHandler {
            await Waiter.wait { waiter in
                queue.async { waiter.resume(returning: self.read()) }
            }
        } onCancel: {
            _ = Glibc.write(wakeWrite.number, "!", 1)
        }
    }

    private func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var events = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeRead.number, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&events, 2, -1) < 0 && errno == EINTR { continue }
            if events[1].revents != 0 { return nil }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { return Array(buffer[..<count]) }
            if count == 0 { return nil }
            if errno == EINTR || errno == EAGAIN { continue }
            let message = "sandbox: warning: \(name) could not be read: \(ErrnoText.of(errno))\n"
            _ = StandardStreams.writeAll(Array(message.utf8), to: STDERR_FILENO)
            return nil
        }
    }
}
#endif
