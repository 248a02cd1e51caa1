/// Tests directories of the host as archives: what they hold, what they refuse, and that they follow no link.

#if CLI
import Foundation
import Sandbox
import SandboxAPI
import Testing

@testable import SandboxCLI

@Suite struct HostTreeTests {
    let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private var root: ByteString { ByteString(folder.path) }

    private func archive(_ tree: HostTree) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in tree.archive() { bytes += piece }
        return bytes
    }

    /// The entries of an archive, with the content of files.
    private func entries(_ bytes: [UInt8]) throws -> [String: (entry: TarEntry, content: [UInt8])] {
        var found: [String: (entry: TarEntry, content: [UInt8])] = [:]
        var reader = TarReader()
        var position = 0
        var last = ""
        while true {
            switch try reader.next(bytes, &position, end: bytes.count) {
            case .needsInput, .end:
                try reader.finish(requiresEndMarker: true)
                return found
            case .entry(let entry):
                last = String(decoding: entry.path, as: UTF8.self)
                found[last] = (entry, [])
            case .data(let range): found[last]?.content += bytes[range]
            }
        }
    }

    private func complaint(_ limits: TreeLimits = .standard) -> SandboxError? {
        do throws(SandboxError) {
            _ = try HostTree(root, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func holdsFilesDirectoriesAndLinks() async throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder.path + "/sub/deep", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
        try folder.put("a", "A")
        try folder.put("none", "")
        let large = String(repeating: "0123456789", count: 60_000)
        try folder.put("sub/deep/large", large)
        chmod(folder.path + "/a", 0o755)
        #expect(symlink("/etc/passwd", folder.path + "/sub/out") == 0)
        #expect(symlink("deep", folder.path + "/sub/dir") == 0)
        let found = try entries(try await archive(HostTree(root, limits: .standard)))
        #expect(
            Set(found.keys) == [
                "a", "none", "empty/", "sub/", "sub/deep/", "sub/deep/large", "sub/out", "sub/dir",
            ])
        #expect(found["a"]?.content == Array("A".utf8) && found["a"]?.entry.mode == 0o755)
        #expect(found["sub/deep/large"]?.content == Array(large.utf8))
        #expect(found["none"]?.entry.size == 0)
        #expect(found["sub/out"]?.entry.kind == .symbolicLink)
        #expect(found["sub/out"]?.entry.linkTarget == Array("/etc/passwd".utf8))
        #expect(found["sub/dir"]?.entry.kind == .symbolicLink)
    }

    @Test func refusesWhatIsNoFile() throws {
        #expect(mkdir(folder.path + "/sub", 0o700) == 0)
        #expect(mkfifo(folder.path + "/sub/pipe", 0o600) == 0)
        let error = try #require(complaint())
        #expect(error.code == .notRegularFile)
        #expect(error.message == "'\(folder.path)/sub/pipe' is a FIFO")
    }

    @Test func refusesSockets() throws {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = shutdown(number, Int32(SHUT_RDWR)) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Relative to the working directory there is no room problem; the folder's own path fits, too.
        let path = folder.path + "/s"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        #expect(complaint()?.message == "'\(path)' is a socket")
    }

    @Test func isBounded() throws {
        try folder.put("a", "12345")
        try folder.put("b", "12345")
        #expect(complaint(TreeLimits(entries: 2, bytes: 10)) == nil)
        #expect(complaint(TreeLimits(entries: 1, bytes: 10))?.code == .tooManyFiles)
        #expect(complaint(TreeLimits(entries: 2, bytes: 9))?.code == .fileTooLarge)
        // Found from the sizes, before anything is read.
        #expect(truncate(folder.path + "/a", 1 << 40) == 0)
        #expect(complaint()?.code == .fileTooLarge)
    }

    /// Two sparse files can be larger together than an `Int` holds.
    @Test func sumsDoNotOverflow() {
        #expect(HostTree.sum(1, .max, atMost: 10) == nil && HostTree.sum(1, .max, atMost: .max) == nil)
        #expect(HostTree.sum(0, .max, atMost: .max) == .max && HostTree.sum(.max, 0, atMost: .max) == .max)
        #expect(HostTree.sum(4, 6, atMost: 10) == 10 && HostTree.sum(4, 7, atMost: 10) == nil)
    }

    /// A directory that becomes a link after it was looked through leads nowhere.
    @Test func followsNoLinkThatAppears() async throws {
        let elsewhere = try ScratchFolder()
        try elsewhere.put("secret", "x")
        #expect(mkdir(folder.path + "/sub", 0o700) == 0)
        try folder.put("sub/secret", "y")
        let tree = try HostTree(root, limits: .standard)
        try FileManager.default.removeItem(atPath: folder.path + "/sub")
        #expect(symlink(elsewhere.path, folder.path + "/sub") == 0)
        await #expect(throws: SandboxError.self) { try await archive(tree) }
    }

    @Test func noticesChanges() async throws {
        try folder.put("a", "12345")
        let tree = try HostTree(root, limits: .standard)
        #expect(truncate(folder.path + "/a", 2) == 0)
        let error = await #expect(throws: SandboxError.self) { try await archive(tree) }
        #expect(error?.code == .fileChanged)
        try folder.put("b", "1")
        let other = try HostTree(root, limits: .standard)
        #expect(rename(folder.path + "/a", folder.path + "/b") == 0)
        await #expect(throws: SandboxError.self) { try await archive(other) }
    }

    private func append(_ text: String, to name: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: folder.path + "/" + name))
        _ = try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test(arguments: ["12345", ""])
    func noticesGrowth(before: String) async throws {
        try folder.put("a", before)
        let tree = try HostTree(root, limits: .standard)
        try append("6", to: "a")
        let error = await #expect(throws: SandboxError.self) { try await archive(tree) }
        #expect(error?.code == .fileChanged && error?.message.contains("'\(folder.path)/a'") == true)
    }

    @Test func noticesGrowthWhileItReads() async throws {
        try folder.put("a", String(repeating: "0123456789", count: 60_000))
        let pieces = try HostTree(root, limits: .standard).archive().makeAsyncIterator()
        let first = try await pieces.next()
        #expect(first?.isEmpty == false)
        try append("6", to: "a")
        var code: SandboxError.Code?
        do {
            while try await pieces.next() != nil {}
        } catch {
            code = (error as? SandboxError)?.code
        }
        #expect(code == .fileChanged)
    }

    /// The same file, of the same size, with another content.
    @Test func noticesNewContent() async throws {
        try folder.put("a", "12345")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: folder.path + "/a")
        let tree = try HostTree(root, limits: .standard)
        try folder.put("a", "54321")
        let error = await #expect(throws: SandboxError.self) { try await archive(tree) }
        #expect(error?.code == .fileChanged)
    }

    @Test func stateOfAFile() {
        var status = stat()
        status.st_mode = S_IFREG | 0o600
        let changes: [(inout stat) -> Void] = [
            { $0.st_size = 1 }, { $0.st_mtim.tv_sec = 1 }, { $0.st_mtim.tv_nsec = 1 }, { $0.st_dev = 1 },
            { $0.st_ino = 1 }, { $0.st_mode = S_IFIFO | 0o600 },
        ]
        for (index, change) in changes.enumerated() {
            var changed = status
            change(&changed)
            #expect(HostTree.FileState(changed) != HostTree.FileState(status), "\(index)")
        }
        var same = status
        same.st_mode = S_IFREG | 0o644
        same.st_atim.tv_sec = 1
        #expect(HostTree.FileState(same) == HostTree.FileState(status))
    }

    /// Files with content and without a size would arrive empty.
    @Test(.enabled(if: HostFile.isDirectory("/proc/sys/kernel/random")))
    func refusesFilesWithoutASize() async throws {
        let tree = try HostTree("/proc/sys/kernel/random", limits: .standard)
        let error = await #expect(throws: SandboxError.self) { try await archive(tree) }
        #expect(error?.code == .fileChanged, "\(error?.message ?? "")")
    }
}
#endif
