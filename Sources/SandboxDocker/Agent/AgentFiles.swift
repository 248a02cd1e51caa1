/// Questions about a container's files.

#if Docker
import CIsolate
import NIOCore
import SandboxAPI
import SandboxRuntime

extension AgentConnection {
    /// Writes a file of `/work` completely or not at all; with an `offset`, writes a part of a file.
    func write(
        _ bytes: [UInt8], to path: ByteString, executable: Bool = false, at offset: Int = 0
    ) async throws(SandboxError) {
        var question = Self.question(ISOLATE_FILE_WRITE, path, bytes: bytes.count, at: UInt64(offset))
        if executable { question.file.flags = ISOLATE_FILE_EXECUTABLE.rawValue }
        _ = try await send(bytes, question, path, newFile: offset == 0 ? (path, bytes.count) : nil)
    }

    /// Has the slot put a file in its place.
    ///
    /// - Parameter bytes: the content; `nil`: the slot has it.
    /// - Returns: whether the slot keeps it.
    func place(_ file: KeptFile, _ bytes: [UInt8]?) async throws(SandboxError) -> Bool {
        var question = Self.question(
            ISOLATE_FILE_PLACE, file.path, bytes: bytes?.count ?? 0, at: file.content.number)
        if file.executable { question.file.flags = ISOLATE_FILE_EXECUTABLE.rawValue }
        return try await send(bytes ?? [], question, file.path).value != 0
    }

    /// Reads a file of `/work`; a file of more than `maxBytes` throws `.fileTooLarge`.
    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        // One byte more than allowed shows a file that is too large.
        let question = Self.question(ISOLATE_FILE_READ, path, bytes: min(maxBytes, Int.max - 1) + 1)
        let file = try await read(.file(path: path, maxBytes: maxBytes), question)
        return OutputFile(file.bytes, executable: file.status.isExecutable)
    }

    /// Reads a part of a file of `/work`.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        let file = try await readPart(ISOLATE_FILE_READ, path, bytes: maxBytes, at: UInt64(offset))
        return FilePart(
            bytes: file.bytes, size: Int(clamping: file.status.bytes), identity: file.status.identity)
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        let file = try await readPart(ISOLATE_FILE_DESCRIBE, path, bytes: Int(ISOLATE_LIST_BYTES))
        guard let entry = EntryRecords.parse(file.bytes)?.first else {
            throw FileErrors.malformedEntries(path)
        }
        return entry.info
    }

    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart {
        let file = try await readPart(
            ISOLATE_FILE_LIST, path, bytes: Int(ISOLATE_LIST_BYTES), at: position, isDirectory: true)
        guard let entries = EntryRecords.parse(file.bytes) else { throw FileErrors.malformedEntries(path) }
        return DirectoryPart(entries: entries, next: file.status.bytes)
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        _ = try await change(Self.question(ISOLATE_FILE_DIRECTORY, path), path, isDirectory: true)
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        var question = Self.question(ISOLATE_FILE_LINK, path)
        // The caller checked both: they fit in the field, each with a NUL behind it.
        withUnsafeMutableBytes(of: &question.file.path) { field in
            UnsafeMutableRawBufferPointer(rebasing: field.dropFirst(path.bytes.count + 1).dropLast())
                .copyBytes(from: target.bytes)
        }
        _ = try await change(question, path)
    }

    /// - Returns: true when the file or tree is gone; false when a part is left.
    func remove(_ path: ByteString) async throws(SandboxError) -> Bool {
        try await change(Self.question(ISOLATE_FILE_REMOVE, path), path).value == 0
    }

    // MARK: Asking

    /// Sends a question and the content that follows it.
    private func send(
        _ content: [UInt8], _ question: isolate_agent_file, _ path: ByteString,
        newFile: (path: ByteString, bytes: Int)? = nil
    ) async throws(SandboxError) -> isolate_status_record {
        let frames = AgentContent.frames(content)
        let answer = try await askOfFiles(
            .status, newFile: newFile, sending: content.count, rest: frames.dropFirst()
        ) { buffer in
            buffer.writeFrame(ISOLATE_FRAME_OPEN, question)
            if let first = frames.first { buffer.writeImmutableBuffer(first) }
        }
        return try status(answer, path)
    }

    /// Asks a question about files, in which nobody meets a file that is in its place in advance.
    ///
    /// - Parameter newFile: the file, when nothing but writing a new one is asked for.
    private func askOfFiles(
        _ question: Machine.Question, newFile: (path: ByteString, bytes: Int)? = nil, sending bytes: Int = 0,
        rest: ArraySlice<ByteBuffer> = [], _ fill: (inout ByteBuffer) -> Void
    ) async throws(SandboxError) -> AgentAnswer {
        await turns.begin()
        defer { turns.end() }
        try await withdraw(before: newFile)
        return try await ask(question, sending: bytes, rest: rest, fill)
    }

    /// Waits until nothing is in the sandbox in advance that no run took.
    func withdrawUnclaimed() async throws(SandboxError) {
        if state.withLock({ $0.kept.isUnclaimed }) { try await withTurn {} }
    }

    /// Calls `body`, which begins a run, when no question is under way and nothing is in the sandbox in advance that no
    /// run took. Until it returns none is asked.
    func withTurn<Value>(_ body: () async throws(SandboxError) -> Value) async throws(SandboxError) -> Value {
        await turns.begin()
        defer { turns.end() }
        try await withdraw(before: nil)
        return try await body()
    }

    /// Called in a turn, so that no question comes between the decision and the slot's answer.
    private func withdraw(before newFile: (path: ByteString, bytes: Int)?) async throws(SandboxError) {
        guard state.withLock({ $0.kept.mustWithdraw(before: newFile, disk: $0.disk) }) else { return }
        let question = Self.question(ISOLATE_FILE_WITHDRAW, ".")
        let answer = try await ask(.status) { $0.writeFrame(ISOLATE_FRAME_OPEN, question) }
        _ = try status(answer, ".")
        state.withLock { $0.kept.withdrawn() }
    }

    private func change(
        _ question: isolate_agent_file, _ path: ByteString, isDirectory: Bool = false
    ) async throws(SandboxError) -> isolate_status_record {
        let answer = try await askOfFiles(.status) { $0.writeFrame(ISOLATE_FRAME_OPEN, question) }
        return try status(answer, path, isDirectory: isDirectory)
    }

    private func readPart(
        _ mode: isolate_file_mode, _ path: ByteString, bytes: Int, at offset: UInt64 = 0,
        isDirectory: Bool = false
    ) async throws(SandboxError) -> AgentFile {
        try await read(
            .part(path: path, bytes: bytes, isDirectory: isDirectory),
            Self.question(mode, path, bytes: bytes, at: offset))
    }

    private func read(
        _ question: Machine.Question, _ request: isolate_agent_file
    ) async throws(SandboxError) -> AgentFile {
        let answer = try await askOfFiles(question) { $0.writeFrame(ISOLATE_FRAME_OPEN, request) }
        guard case .file(let file) = answer else { throw wrongAnswer() }
        return file
    }

    private func status(
        _ answer: AgentAnswer, _ path: ByteString, isDirectory: Bool = false
    ) throws(SandboxError) -> isolate_status_record {
        guard case .status(let status) = answer else { throw wrongAnswer() }
        if status.status.failure.stage != 0 {
            throw FileErrors.error(
                errno: status.status.failure.errno_value, path: path, directory: isDirectory)
        }
        return status.status
    }

    private static func question(
        _ mode: isolate_file_mode, _ path: ByteString, bytes: Int = 0, at offset: UInt64 = 0
    ) -> isolate_agent_file {
        var question = isolate_agent_file()
        question.bytes = UInt64(bytes)
        question.file.type = ISOLATE_OPEN_FILE.rawValue
        question.file.mode = mode.rawValue
        question.file.offset = offset
        // The caller checked it: it is shorter than the field and has no NUL.
        withUnsafeMutableBytes(of: &question.file.path) { field in
            field.copyBytes(from: path.bytes.prefix(field.count - 1))
        }
        return question
    }
}
#endif
