/// Tests reading from and writing to the host: bounds, file kinds, links.

#if CLI
import Foundation
import Sandbox
import Testing

@testable import SandboxCLI

@Suite final class HostFileTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "sandbox-cli-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func path(_ name: String) -> String { directory + "/" + name }
    private func host(_ name: String) -> ByteString { ByteString(path(name)) }

    private func put(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
    }

    private func code(_ body: () throws -> Void) -> SandboxError.Code? {
        do { try body() } catch { return (error as? SandboxError)?.code }
        return nil
    }

    @Test func readsWithinTheBound() throws {
        try put("a", "12345")
        #expect(try HostFile.read(host("a"), what: "it", limit: 5).bytes == Array("12345".utf8))
        #expect(code { _ = try HostFile.read(host("a"), what: "it", limit: 4) } == .fileTooLarge)
        // The file is refused before it is read or memory is allocated for it.
        #expect(truncate(path("a"), 1 << 40) == 0)
        #expect(code { _ = try HostFile.read(host("a"), what: "it", limit: 64 << 20) } == .fileTooLarge)
        // The file's size is 0, but it has content.
        #expect(!(try HostFile.read("/proc/self/status", what: "it", limit: 1 << 20).bytes.isEmpty))
        #expect(
            code { _ = try HostFile.read("/proc/self/status", what: "it", limit: 3) } == .fileTooLarge)
    }

    @Test func readsRegularFilesOnly() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        try FileManager.default.createSymbolicLink(
            atPath: path("dangling"), withDestinationPath: "nowhere")
        let cases: [(String, SandboxError.Code)] = [
            (path("none"), .fileNotFound), (path("dangling"), .fileNotFound),
            (directory, .notRegularFile),
            (path("fifo"), .notRegularFile), ("/dev/zero", .notRegularFile),
        ]
        for (path, expected) in cases {
            #expect(
                code { _ = try HostFile.read(ByteString(path), what: "it", limit: 100) } == expected,
                "\(path)")
        }
    }

    @Test func readsPipesAndDevices() throws {
        let fifo = path("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        // Each side waits for the other to open.
        DispatchQueue.global().async {
            guard let writer = FileHandle(forWritingAtPath: fifo) else { return }
            try? writer.write(contentsOf: Data("A=1\n".utf8))
            try? writer.close()
        }
        #expect(try HostFile.readAny(host("fifo"), what: "it", limit: 4) == Array("A=1\n".utf8))
        #expect(try HostFile.readAny("/dev/null", what: "it", limit: 0).isEmpty)
        #expect(code { _ = try HostFile.readAny("/dev/zero", what: "it", limit: 100_000) } == .fileTooLarge)
        try put("a", "12345")
        #expect(try HostFile.readAny(host("a"), what: "it", limit: 5) == Array("12345".utf8))
        #expect(code { _ = try HostFile.readAny(host("a"), what: "it", limit: 4) } == .fileTooLarge)
        #expect(code { _ = try HostFile.readAny(host("none"), what: "it", limit: 4) } == .fileNotFound)
        #expect(
            code { _ = try HostFile.readAny(ByteString(directory), what: "it", limit: 4) }
                == .notRegularFile)
    }

    /// Whoever reads the pipe next has the rest.
    @Test func readsOneByteMoreThanTheBound() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        let both = open(path("fifo"), O_RDWR | O_NONBLOCK)
        try #require(both >= 0)
        let handle = FileHandle(fileDescriptor: both, closeOnDealloc: true)
        try handle.write(contentsOf: Data("0123456789".utf8))
        #expect(code { _ = try HostFile.readAny(host("fifo"), what: "it", limit: 4) } == .fileTooLarge)
        #expect(handle.availableData == Data("56789".utf8))
    }

    @Test func keepsTheExecutableBit() throws {
        try put("tool", "#!/bin/sh\n")
        #expect(!(try HostFile.read(host("tool"), what: "it", limit: 100).isExecutable))
        chmod(path("tool"), 0o755)
        #expect(try HostFile.read(host("tool"), what: "it", limit: 100).isExecutable)
    }

    @Test func loadsInputFiles() throws {
        try put("a", "A")
        try put("b", "B")
        let both = [InputFileOption(text: host("a")), InputFileOption(text: host("b:sub/a"))]
        #expect(
            try InputFileOption.load(both, limit: 10) == [InputFile("a", [65]), InputFile("sub/a", [66])])
        let twice = [InputFileOption(text: host("a")), InputFileOption(text: host("b:a"))]
        #expect(code { _ = try InputFileOption.load(twice, limit: 10) } == .invalidArgument)
        let missing = [InputFileOption(text: host("c:d"))]
        #expect(code { _ = try InputFileOption.load(missing, limit: 10) } == .fileNotFound)
    }

    private func store(_ name: String, _ content: String, in out: String) throws -> String {
        try OutputDirectory(ByteString(out)).write(
            OutputFile(Array(content.utf8)), to: try OutputName.parse(name)
        ).text
    }

    @Test func writesBelowTheDirectory() throws {
        let out = path("new/out")
        #expect(try store("plot.png", "1", in: out) == out + "/plot.png")
        #expect(try store("plot.png", "2", in: out) == out + "/plot.png")
        #expect(try store("./deep/er/x", "3", in: out) == out + "/deep/er/x")
        #expect(try text("new/out/plot.png") == "2")
        #expect(try text("new/out/deep/er/x") == "3")
        let left = try FileManager.default.subpathsOfDirectory(atPath: out).sorted()
        #expect(left == ["deep", "deep/er", "deep/er/x", "plot.png"])
    }

    @Test func followsNoLinkBelowTheDirectory() throws {
        try put("victim", "precious")
        try FileManager.default.createDirectory(atPath: path("out"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: path("elsewhere"), withIntermediateDirectories: true)
        let links = [
            ("out/link", path("victim")), ("out/dangling", path("made")), ("out/dir", path("elsewhere")),
        ]
        for (link, target) in links {
            try FileManager.default.createSymbolicLink(atPath: path(link), withDestinationPath: target)
        }
        #expect(code { _ = try self.store("link", "x", in: self.path("out")) } == .notRegularFile)
        #expect(code { _ = try self.store("dangling", "x", in: self.path("out")) } == .notRegularFile)
        #expect(code { _ = try self.store("dir/x", "x", in: self.path("out")) } == .fileAccess)
        #expect(code { _ = try self.store("dir", "x", in: self.path("out")) } == .notRegularFile)
        // A combining mark joins the slash before it to one Character; to the kernel it is a slash.
        #expect(code { _ = try self.store("dir/\u{301}x", "x", in: self.path("out")) } == .fileAccess)
        #expect(
            code { _ = try self.store("dir/\u{200d}/x", "x", in: self.path("out")) } == .fileAccess)
        #expect(try text("victim") == "precious")
        #expect(!HostFile.exists(host("made")))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path("elsewhere")).isEmpty)
    }

    @Test func replacesNothingButFiles() throws {
        let out = path("out")
        try FileManager.default.createDirectory(
            atPath: path("out/dir"), withIntermediateDirectories: true)
        #expect(mkfifo(path("out/fifo"), 0o600) == 0)
        #expect(code { _ = try self.store("fifo", "x", in: out) } == .notRegularFile)
        #expect(code { _ = try self.store("dir", "x", in: out) } == .notRegularFile)
        // The other hard link keeps its content.
        try put("other", "precious")
        #expect(link(path("other"), path("out/hard")) == 0)
        _ = try store("hard", "new", in: out)
        #expect(try text("other") == "precious")
        #expect(try text("out/hard") == "new")
    }

    @Test func complainsAboutTheDirectory() throws {
        try put("file", "x")
        #expect(code { _ = try OutputDirectory(self.host("file")) } == .fileAccess)
        #expect(code { _ = try OutputDirectory(self.host("file/sub")) } == .fileAccess)
        #expect(code { _ = try OutputDirectory("") } == .fileAccess)
    }
}
#endif
