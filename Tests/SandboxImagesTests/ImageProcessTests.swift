/// Tests several processes on one cache, and one that is killed while it unpacks.

import Foundation
import SandboxAPI
import Testing

@testable import SandboxImages

private let archiveVariable = "SANDBOX_IMAGE_VICTIM_ARCHIVE"

/// The other process: this test program, started with only this test and a variable in its environment.
@Suite("In another process") struct ImageVictimTests {
    @Test(.enabled(if: getenv(archiveVariable) != nil)) func prepare() async throws {
        let archive = try #require(getenv(archiveVariable).map { String(cString: $0) })
        // The cache is that of SANDBOX_CACHE.
        let image = try await ImageStore().prepare(.reference(archive))
        var status = stat()
        #expect(stat(image.path, &status) == 0)
        try FileHandle.standardOutput.write(contentsOf: Data("\nprepared \(status.st_ino)\n".utf8))
    }
}

@Suite("The cache and other processes") struct ImageProcessTests {
    private let scratch: Scratch
    private let cachePath: String

    init() throws {
        scratch = try Scratch()
        cachePath = scratch.path + "/cache"
    }

    private func start(_ archive: String) throws -> (process: Process, output: Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["--testing-library", "swift-testing", "--filter", "ImageVictimTests"]
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SANDBOX_CACHE": cachePath, archiveVariable: archive]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return (process, output)
    }

    private func entries(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cachePath + "/" + folder)
    }

    @Test("Processes that want the same archive at once unpack it once") func atOnce() throws {
        let archive = try scratch.write(
            TarBuilder.rootfs { tar in for number in 0..<500 { tar.file("usr/f\(number)", "x") } }, "a.tar")
        let victims = try (0..<3).map { _ in try start(archive) }
        var inodes: Set<String> = []
        for victim in victims {
            let output = String(
                decoding: victim.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            victim.process.waitUntilExit()
            let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("prepared ") })
            inodes.insert(String(line))
        }
        #expect(inodes.count == 1)
        #expect(try entries("images").count == 1)
        #expect(try entries("building").isEmpty)
    }

    @Test("SIGKILL while unpacking leaves nothing after the next use") func killed() async throws {
        let archive = try scratch.write(
            TarBuilder.rootfs { tar in for number in 0..<30_000 { tar.file("usr/f\(number)", "x") } }, "a.tar"
        )
        _ = try CacheDirectory(path: cachePath)
        let victim = try start(archive)
        var unpacked = 0
        for _ in 0..<20_000 where unpacked < 100 {
            usleep(1000)
            guard let name = try entries("building").first else { continue }
            let tree = cachePath + "/building/\(name)/rootfs/usr"
            unpacked = (try? FileManager.default.contentsOfDirectory(atPath: tree).count) ?? 0
        }
        kill(victim.process.processIdentifier, SIGKILL)
        victim.process.waitUntilExit()
        #expect(victim.process.terminationReason == .uncaughtSignal)
        #expect(unpacked >= 100)
        #expect(try entries("building").count == 1)
        #expect(try entries("images").isEmpty)

        let small = try scratch.write(TarBuilder.rootfs(), "b.tar")
        _ = try await ImageStore(cachePath: cachePath).prepare(.reference(small))
        for folder in ["building", "trash", "locks"] { #expect(try entries(folder).isEmpty, "\(folder)") }
        #expect(try entries("images").count == 1)
    }
}
