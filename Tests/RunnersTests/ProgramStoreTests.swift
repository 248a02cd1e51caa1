/// Tests programs as bytes and as files: what is stored comes back, and nothing else does.
import CArchive
import Foundation
import Runners
import Sandbox
import TestSupport
import Testing

@Suite struct ProgramStoreTests {
    private static let program = Program(
        language: .python,
        files: [
            InputFile("pkg/helper.py", Array("x = 1\n".utf8)),
            InputFile(ByteString([0x61, 0xff]), [0, 255, 10], executable: true), InputFile("main.py", []),
        ],
        executable: "python3", arguments: ["-B", "", ByteString([0xe9])],
        environment: ["B": "2", "A": ByteString([0xfe]), "C": ""])

    private func refused(_ bytes: [UInt8]) -> SandboxError? {
        do throws(SandboxError) {
            _ = try Program(decoding: bytes)
            return nil
        } catch { return error }
    }

    @Test func comesBackAsItWas() throws {
        let decoded = try Program(decoding: Self.program.encoded())
        #expect(decoded == Self.program && decoded.digest == Self.program.digest)
        #expect(decoded.files.map(\.path) == Self.program.files.map(\.path))
        // The format, and with it every stored program's name, does not change by accident.
        #expect(
            Program(language: .cpp, files: [], executable: "./main").digest == Self.emptyDigest)
    }

    /// printf 'swift-sandbox program 1\n\3\0\0\0\0\0\0\0cpp\6\0\0\0\0\0\0\0./main' and 25 NULs, piped to sha256sum.
    private static let emptyDigest = "sha256:c2232cee881a07eba46c73089896567ff8cb9826f9d7bd4e653ac1c7d1204b48"

    @Test func theDigestTellsProgramsApart() {
        var others: [Program] = []
        func add(_ change: (inout Program) -> Void) {
            var other = Self.program
            change(&other)
            others.append(other)
        }
        add { $0.language = .cpp }
        add { $0.executable = "python" }
        add { $0.arguments = ["-B", ByteString([0xe9]), ""] }
        add { $0.arguments = ["-B", ByteString([0xe9])] }
        add { $0.environment["D"] = "" }
        add { $0.argumentsHaveLimits = true }
        add { $0.environment["C"] = "1" }
        add { $0.files[0].bytes.append(1) }
        add { $0.files[0].executable = true }
        add { $0.files[0].path = "pkg/helper2.py" }
        add { $0.files.swapAt(0, 1) }
        add { $0.files.removeLast() }
        #expect(Set(others.map(\.digest)).count == others.count)
        #expect(!others.map(\.digest).contains(Self.program.digest))
        var same = Self.program
        same.environment = ["C": "", "B": "2", "A": ByteString([0xfe])]
        #expect(same.digest == Self.program.digest)
    }

    @Test func everyCutAndEveryChangedByteIsRefused() {
        let bytes = Self.program.encoded()
        for count in bytes.indices {
            #expect(refused(Array(bytes[..<count]))?.code == .invalidProgram, "\(count)")
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << (index % 8)
            #expect(refused(changed)?.code == .invalidProgram, "byte \(index)")
        }
        #expect(refused(bytes + [0])?.message.contains("cut or changed") == true)
    }

    /// With a right hash, too, no length, count or name is believed.
    @Test func hostileBytesAreRefused() throws {
        let stored = Self.program.encoded()
        let body = Array(stored.dropLast(32))
        func sealed(_ body: [UInt8]) -> [UInt8] { body + Self.sha256(body) }
        #expect(sealed(body) == stored)
        for count in 0..<body.count {
            #expect(refused(sealed(Array(body[..<count])))?.code == .invalidProgram)
        }
        for index in 24..<body.count - 8 {
            var huge = body
            huge.replaceSubrange(index..<index + 8, with: [UInt8](repeating: 0xff, count: 8))
            if let error = refused(sealed(huge)) { #expect(error.code == .invalidProgram, "\(index)") }
        }
        #expect(refused(sealed(body + [0]))?.message.contains("behind its last file") == true)
        for path in ["/etc/passwd", "../x", "", "a/../..", "a\nb"] {
            let bad = Program(language: .cpp, files: [InputFile(path, [])], executable: "x")
            #expect(refused(bad.encoded())?.message.contains("name of a file") == true, "\(path)")
        }
        let twice = Program(
            language: .cpp, files: [InputFile("a", []), InputFile("./a", [])], executable: "x")
        #expect(refused(twice.encoded())?.message.contains("two of its files") == true)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var random = body
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 24..<random.count, using: &generator)
                random[index] = .random(in: 0...255, using: &generator)
            }
            if let error = refused(sealed(random)) { #expect(error.code == .invalidProgram) }
        }
    }

    private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        let hash = isolate_sha256_create()!
        defer { isolate_sha256_destroy(hash) }
        isolate_sha256_update(hash, bytes, bytes.count)
        var digest = [UInt8](repeating: 0, count: 32)
        isolate_sha256_digest(hash, &digest)
        return digest
    }

    // MARK: Files

    private func withStore(_ body: (ProgramStore, String) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "/programs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(ProgramStore(directory: directory), directory)
    }

    private func code(_ body: () async throws -> Void) async -> SandboxError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? SandboxError)?.code }
    }

    @Test func aStoreReturnsWhatItWasGiven() async throws {
        try await withStore { store, directory in
            let digest = try await store.save(Self.program)
            #expect(digest == Self.program.digest)
            #expect(try await store.save(Self.program) == digest)
            #expect(try await store.load(digest) == Self.program)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
            #expect(try await store.remove(digest))
            #expect(try await !store.remove(digest))
            #expect(await code { _ = try await store.load(digest) } == .fileNotFound)
            for word in ["", "sha256:", "../../etc/passwd", digest + "0", digest.uppercased(), "sha256:../x"]
            {
                #expect(await code { _ = try await store.load(word) } == .invalidArgument, "\(word)")
                #expect(await code { _ = try await store.remove(word) } == .invalidArgument, "\(word)")
            }
        }
    }

    @Test func aDamagedFileIsRefusedAndReplaced() async throws {
        try await withStore { store, directory in
            let digest = try await store.save(Self.program)
            let path = directory + "/" + digest.dropFirst(7) + ".program"
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var other = Self.program
            other.executable = "other"
            var flipped = whole
            flipped[40] ^= 1
            for damaged in [Data(), whole.prefix(100), flipped, Data(other.encoded())] {
                try damaged.write(to: URL(fileURLWithPath: path))
                do throws(SandboxError) {
                    _ = try await store.load(digest)
                    Issue.record("loaded")
                } catch {
                    #expect(error.code == .invalidProgram && error.message.hasPrefix(path), "\(error)")
                }
                #expect(try await store.save(Self.program) == digest)
                #expect(try await store.load(digest) == Self.program)
            }
            // Another kind of file is neither waited for nor followed.
            unlink(path)
            mkfifo(path, 0o600)
            #expect(await code { _ = try await store.load(digest) } == .fileAccess)
            unlink(path)
            symlink("/etc/passwd", path)
            #expect(await code { _ = try await store.load(digest) } == .fileAccess)
            unlink(path)
        }
    }

    @Test func aStoreThatCannotBeWrittenToSaysSo() async throws {
        let store = ProgramStore(directory: "/nonexistent/programs")
        #expect(await code { _ = try await store.save(Self.program) } == .fileAccess)
        try await withStore { store, directory in
            // What saving leaves after a failure: nothing. A directory of the file's name makes the last step fail.
            let path = directory + "/" + Self.program.digest.dropFirst(7) + ".program"
            mkdir(path, 0o700)
            #expect(await code { _ = try await store.save(Self.program) } == .fileAccess)
            let left = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(left.count == 1)
        }
    }

    @Test func manySavesAtOnceAreOneFile() async throws {
        try await withStore { store, directory in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let digest = try await store.save(Self.program)
                        #expect(try await store.load(digest) == Self.program)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
        }
    }

    /// Built on one backend, stored, loaded and run on another.
    @Test func aLoadedProgramRuns() async throws {
        try await withStore { store, _ in
            let first = LocalBackend()
            let built = try await CppRunner(flags: ["-O1", "-static"]).build(
                "#include <cstdio>\nint main(int c, char **v) { puts(v[1]); }", on: first)
            let digest = try await store.save(try #require(built.program))
            await first.shutdown()
            let second = LocalBackend()
            let program = try await store.load(digest)
            for word in ["a", "b"] {
                let report = try await program.run(arguments: [word], on: second)
                #expect(report.result?.stdoutText == word + "\n")
            }
            await second.shutdown()
        }
    }
}
