/// The files of a slot's sandbox: descriptors that the slot opens, and changes that it makes as the program's
/// user.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

extension LocalPlace {
    private static let opening = "opening a file"
    private static let writing = "writing a file"

    // MARK: Writing

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        if executable {
            let flags = isolate_file_flags(ISOLATE_FILE_EXECUTABLE.rawValue | ISOLATE_FILE_COPY.rawValue)
            return try await copy(bytes, to: path, at: 0, flags)
        }
        let file = try await slot.ask(ISOLATE_FILE_WRITE, path, Self.opening, newBytes: bytes.count)
        do throws(SandboxError) {
            do throws(ErrorNumber) { try FileBytes.write(bytes, to: file.number) } catch {
                throw FileErrors.error(errno: error.value, path: path)
            }
        } catch {
            // Leaves no incomplete file. The caller gets the error of the write, not the removal's.
            _ = try? await remove(path)
            throw error
        }
    }

    func withKeptFiles<Value>(_ body: (inout KeptFiles, _ disk: Int) -> Value) -> Value {
        slot.withKeptFiles(body)
    }

    func place(_ file: KeptFile, _ bytes: [UInt8]?) async throws(SandboxError) -> Bool {
        let flags = file.executable ? ISOLATE_FILE_EXECUTABLE : isolate_file_flags(0)
        let memory: OwnedDescriptor? = if let bytes { try Self.memoryFile(bytes, file.path) } else { nil }
        let answer = try await slot.ask(
            ISOLATE_FILE_PLACE, file.path, "placing a file", flags: flags, offset: file.content.number,
            content: memory.number)
        return answer.record.value != 0
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try await copy(bytes, to: path, at: UInt64(offset), ISOLATE_FILE_COPY)
    }

    /// Lets the slot copy the bytes. The file may be an executable, and the embedder must not hold one open
    /// for writing: a fork of it at that moment would make the program's `exec` fail.
    private func copy(
        _ bytes: [UInt8], to path: ByteString, at offset: UInt64, _ flags: isolate_file_flags
    ) async throws(SandboxError) {
        let content = try Self.memoryFile(bytes, path)
        _ = try await slot.ask(
            ISOLATE_FILE_WRITE, path, Self.writing, flags: flags, offset: offset, content: content.number,
            newBytes: offset == 0 ? bytes.count : nil)
    }

    private static func memoryFile(
        _ bytes: [UInt8], _ path: ByteString
    ) throws(SandboxError) -> OwnedDescriptor {
        let made = bytes.withUnsafeBytes { isolate_memory_file($0.baseAddress, $0.count) }
        guard let content = OwnedDescriptor(owning: made) else {
            throw FileErrors.error(errno: -made, path: path)
        }
        return content
    }

    // MARK: Reading

    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        let file = try await slot.ask(ISOLATE_FILE_READ, path, Self.opening)
        guard file.record.bytes <= UInt64(maxBytes) else { throw FileErrors.tooLarge(path, maxBytes) }
        // Reads one byte more than allowed, which shows that the file grew after its size was checked.
        let bytes = try Self.read(file.number, upTo: min(maxBytes, Int.max - 1) + 1, path)
        guard bytes.count <= maxBytes else { throw FileErrors.tooLarge(path, maxBytes) }
        return OutputFile(bytes, executable: file.record.isExecutable)
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        let file = try await slot.ask(ISOLATE_FILE_READ, path, Self.opening, offset: UInt64(offset))
        return FilePart(
            bytes: try Self.read(file.number, upTo: maxBytes, path), size: Int(clamping: file.record.bytes),
            identity: file.record.identity)
    }

    private static func read(_ fd: Int32, upTo most: Int, _ path: ByteString) throws(SandboxError) -> [UInt8]
    {
        do throws(ErrorNumber) { return try FileBytes.read(fd, upTo: most) } catch {
            throw FileErrors.error(errno: error.value, path: path)
        }
    }

    // MARK: Directories

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        let answer = try await slot.ask(ISOLATE_FILE_DESCRIBE, path, "describing a file")
        guard let entry = try Self.entries(answer.number, path).first else {
            throw FileErrors.malformedEntries(path)
        }
        return entry.info
    }

    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart {
        let answer = try await slot.ask(
            ISOLATE_FILE_LIST, path, "listing a directory", offset: position)
        return DirectoryPart(entries: try Self.entries(answer.number, path), next: answer.record.bytes)
    }

    private static func entries(_ fd: Int32, _ path: ByteString) throws(SandboxError) -> [DirectoryEntry] {
        guard let entries = EntryRecords.parse(try read(fd, upTo: Int(ISOLATE_LIST_BYTES), path)) else {
            throw FileErrors.malformedEntries(path)
        }
        return entries
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        _ = try await slot.ask(ISOLATE_FILE_DIRECTORY, path, "making a directory")
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        _ = try await slot.ask(ISOLATE_FILE_LINK, path, "making a link", target: target)
    }

    func remove(_ path: ByteString) async throws(SandboxError) -> Bool {
        try await slot.ask(ISOLATE_FILE_REMOVE, path, "removing a file").record.value == 0
    }
}
