/// A directory of programs, each in a file by its hash.

import Glibc
import SandboxAPI
import SandboxRuntime

/// Keeps programs in a directory, by ``Program/digest``.
///
/// A file appears there whole or not at all, also when the process or the machine dies meanwhile, and what is loaded is
/// the very program that was asked for, or an error. Several processes may use one directory. Nothing is removed unless
/// you ask for it. Calls work on a thread of their own.
public struct ProgramStore: Sendable {
    /// The directory's path.
    public let directory: String

    /// - Parameter directory: an existing directory of this user.
    public init(directory: String) { self.directory = directory }

    /// Stores a program, unless it is there already.
    ///
    /// - Returns: its digest, by which ``load(_:)`` finds it.
    /// - Throws: `.fileAccess` when the directory cannot be written to; `.fileTooLarge` for more than
    ///   ``Program/maximumEncodedBytes``.
    @discardableResult
    public func save(_ program: Program) async throws(SandboxError) -> String {
        try await onThread { () throws(SandboxError) in try saveNow(program) }
    }

    /// Loads a program and checks that it is the one.
    ///
    /// - Throws: `.fileNotFound` when the store does not have it; `.invalidProgram` when its file was cut or changed;
    ///   `.invalidArgument` for what is no digest; `.fileTooLarge`; `.fileAccess`.
    public func load(_ digest: String) async throws(SandboxError) -> Program {
        try await onThread { () throws(SandboxError) in try loadNow(digest) }
    }

    /// Removes a program.
    ///
    /// - Returns: false when it was not there.
    /// - Throws: `.invalidArgument` for what is no digest; `.fileAccess`.
    @discardableResult
    public func remove(_ digest: String) async throws(SandboxError) -> Bool {
        try await onThread { () throws(SandboxError) in
            let path = try path(of: digest)
            if unlink(path) == 0 { return true }
            if errno == ENOENT { return false }
            throw failure("remove", path)
        }
    }

    // MARK: Files

    private func path(of digest: String) throws(SandboxError) -> String {
        guard ProgramDigest.isDigest(digest) else {
            throw SandboxError(
                .invalidArgument, message: "\(ByteString(digest).quoted) is no program's digest",
                hint: "give sha256: and 64 hexadecimal digits, as Program.digest has them")
        }
        return "\(directory)/\(digest.dropFirst(ProgramDigest.prefix.utf8.count)).program"
    }

    private func saveNow(_ program: Program) throws(SandboxError) -> String {
        let bytes = program.encoded()
        guard bytes.count <= Program.maximumEncodedBytes else {
            throw SandboxError(
                .fileTooLarge,
                message:
                    "the program has \(bytes.count) bytes; at most \(Program.maximumEncodedBytes) can be stored"
            )
        }
        let digest = ProgramDigest.text(Array(bytes.suffix(ProgramDigest.bytes)))
        let path = try path(of: digest)
        // A file of that name that is damaged is replaced.
        if (try? loadNow(digest)) != nil { return digest }
        // No other process uses this name, and it is no program's.
        let unfinished = "\(path).\(getpid())-\(UInt64.random(in: 0...UInt64.max)).new"
        do throws(SandboxError) {
            guard
                let file = OwnedDescriptor(
                    owning: open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644))
            else { throw failure("create", unfinished) }
            do throws(ErrorNumber) { try FileBytes.write(bytes, to: file.number) } catch {
                throw failure("write", unfinished, error.value)
            }
            // The content is on the disk before the name leads to it.
            guard fsync(file.number) == 0 else { throw failure("write", unfinished) }
            errno = file.close()
            guard errno == 0 else { throw failure("write", unfinished) }
            guard rename(unfinished, path) == 0 else { throw failure("create", path) }
        } catch {
            unlink(unfinished)
            throw error
        }
        return digest
    }

    private func loadNow(_ digest: String) throws(SandboxError) -> Program {
        let path = try path(of: digest)
        // Whatever else has that name, such as a FIFO, must not make this wait.
        guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK))
        else {
            guard errno == ENOENT else { throw failure("open", path) }
            throw SandboxError(
                .fileNotFound, errno: ENOENT, message: "the store \(directory) has no program \(digest)",
                hint: "build the program and save it")
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SandboxError(.fileAccess, message: "\(path) is no regular file", hint: "remove it")
        }
        let program: Program
        do throws(SandboxError) {
            guard status.st_size <= Program.maximumEncodedBytes else {
                throw SandboxError(
                    .fileTooLarge,
                    message: "\(status.st_size) bytes; at most \(Program.maximumEncodedBytes) are accepted")
            }
            program = try Program(decoding: try read(file, Int(status.st_size), path))
            guard program.digest == digest else {
                throw SandboxError(
                    .invalidProgram, message: "this is another program, \(program.digest)",
                    hint: "remove the file, build the program again and save it")
            }
        } catch {
            var error = error
            if error.code != .fileAccess { error.message = "\(path): \(error.message)" }
            throw error
        }
        return program
    }

    /// Reads at most `count` bytes; what is beyond was written later, and not by a store.
    private func read(
        _ file: borrowing OwnedDescriptor, _ count: Int, _ path: String
    ) throws(SandboxError) -> [UInt8] {
        do throws(ErrorNumber) {
            return try FileBytes.read(file.number, upTo: count, expecting: count)
        } catch {
            throw failure("read", path, error.value)
        }
    }

    private func failure(_ what: String, _ path: String, _ number: Int32 = errno) -> SandboxError {
        SandboxError(
            .fileAccess, errno: number, message: "cannot \(what) \(path): \(describe(errno: number))",
            hint: "the store needs an existing directory that this user may write to")
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        try await BlockingThread.run({ Result(catching: body) }) { number in
            SandboxError(
                .setupFailed, errno: number, message: "cannot start a thread: \(describe(errno: number))",
                hint: "raise ulimit -u")
        }.get()
    }
}
