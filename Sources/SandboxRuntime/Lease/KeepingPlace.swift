/// A place that keeps the content of files for later sandboxes.

import Glibc
package import SandboxAPI

/// A place whose slot keeps content that has a mark, so that it is sent once.
package protocol KeepingPlace: SandboxPlace {
    /// False for a place that serves one sandbox only.
    var keepsFiles: Bool { get }

    /// Calls `body` with what is known of the files that the slot keeps, and the disk limit in force.
    func withKeptFiles<Value>(_ body: (inout KeptFiles, _ disk: Int) -> Value) -> Value

    /// Has the slot put a file in its place.
    ///
    /// - Parameter bytes: the content; `nil`: the slot has it. It answers ENODATA when it needed the room for others.
    /// - Returns: whether the slot keeps it.
    func place(_ file: KeptFile, _ bytes: [UInt8]?) async throws(SandboxError) -> Bool
}

extension KeepingPlace {
    package var keepsFiles: Bool { true }

    /// Content with a mark is sent to each slot once, which keeps it.
    package func put(_ file: InputFile, at path: ByteString) async throws(SandboxError) {
        guard let content = file.content, keepsFiles, KeptFiles.sizes.contains(file.bytes.count) else {
            return try await write(file.bytes, to: path, executable: file.executable)
        }
        let kept = KeptFile(
            content: content, path: path, executable: file.executable, bytes: file.bytes.count)
        if withKeptFiles({ $0.take(kept, disk: $1) }) { return }
        if withKeptFiles({ files, _ in files.keeps(content) }) {
            do throws(SandboxError) {
                _ = try await place(kept, nil)
                withKeptFiles { files, _ in files.placed(kept) }
                return
            } catch {
                guard error.errno == ENODATA else { throw error }
            }
        }
        guard try await place(kept, file.bytes) else { return }
        withKeptFiles { files, _ in
            files.note(content)
            files.placed(kept)
        }
    }
}
