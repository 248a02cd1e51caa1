/// Tests the list of the cache, and the removal of one entry.

import Foundation
import SandboxAPI
import SandboxRuntime
import Testing

@testable import SandboxImages

/// What an observer was told.
private final class Reports: Sendable {
    private let list = Locked<[PreparationProgress]>([])
    var all: [PreparationProgress] { list.withLock { $0 } }
    func add(_ report: PreparationProgress) { list.withLock { $0.append(report) } }
    func clear() { list.withLock { $0 = [] } }
}

@Suite("The progress of an image") struct ImageProgressTests {
    private let scratch: Scratch
    private let reports = Reports()

    init() throws { scratch = try Scratch() }

    private func prepare(_ archive: String) async throws -> PreparedImage {
        let store = ImageStore(cachePath: scratch.path + "/cache") { [reports] in reports.add($0) }
        return try await store.prepare(.reference(archive))
    }

    @Test("Read, unpacked, done; nothing for an archive that is unpacked already") func steps() async throws {
        let content = String(repeating: "x", count: 5 << 20)
        let path = try scratch.write(TarBuilder.rootfs { $0.file("usr/big", content) }, "a.tar")
        usleep(60_000)  // old enough for its digest to be kept
        try await prepare(path).hold.release()
        let told = reports.all
        #expect(Set(told.map(\.step)) == [.reading, .waiting, .unpacking])
        #expect(told.first?.step == .reading && told.last?.step == .unpacking)
        #expect(told.allSatisfy { $0.image == path })
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        // The whole archive is counted.
        #expect(told.last?.completedBytes == size && told.last?.totalBytes == size)
        #expect(told.map(\.isFinished) == told.indices.map { $0 == told.count - 1 })

        reports.clear()
        try await prepare(path).hold.release()
        #expect(reports.all.isEmpty)
    }

    @Test("A refused archive ends its progress, too") func failure() async throws {
        let path = try scratch.write(TarBuilder.rootfs { $0.file("../x", "y") }, "a.tar")
        await #expect(throws: SandboxError.self) { try await prepare(path) }
        #expect(reports.all.last?.isFinished == true)
    }
}

@Suite("The list of the cache") struct CacheListingTests {
    private let scratch: Scratch
    private let cachePath: String

    init() throws {
        scratch = try Scratch()
        cachePath = scratch.path + "/cache"
    }

    private func prepare(_ seed: String) async throws -> PreparedImage {
        let path = try scratch.write(TarBuilder.rootfs { $0.file("usr/seed", seed) }, "\(seed.prefix(1)).tar")
        return try await ImageStore(cachePath: cachePath).prepare(.reference(path))
    }

    private func list() throws -> [CachedImage] { try ImageStore.list(cachePath: cachePath) }

    /// Repeats for ten seconds at most: while another test starts a process, that process has copies of all
    /// locks until it executes its program.
    private func settle(until isDone: () throws -> Bool) throws -> Bool {
        for _ in 0..<1000 {
            if try isDone() { return true }
            usleep(10_000)
        }
        return false
    }

    private func remove(_ digest: String?) throws -> CachedImage.Removal {
        try ImageStore.remove(try #require(digest), cachePath: cachePath)
    }

    @Test("Without a cache the list is empty, and no cache is made") func none() throws {
        #expect(try list().isEmpty)
        let digest = "sha256:" + String(repeating: "0", count: 64)
        #expect(try remove(digest) == .missing)
        #expect(!FileManager.default.fileExists(atPath: cachePath))
    }

    @Test("Each entry with its digest, source, size, time and use, the last used first") func entries()
        async throws
    {
        let before = Duration.seconds(time(nil) - 1)
        let first = try await prepare("a")
        usleep(20_000)
        let second = try await prepare(String(repeating: "b", count: 10_000))
        second.hold.release()
        #expect(try settle { try list().map(\.isInUse) == [false, true] })
        let images = try list()
        #expect(images.map(\.digest) == [second.digest, first.digest])
        #expect(images.map(\.source) == [scratch.path + "/b.tar", scratch.path + "/a.tar"])
        #expect(images[0].bytes == images[1].bytes + 9999)
        for image in images {
            #expect(image.isComplete)
            #expect(image.names > 1 && image.bytes > image.names * 4096)
            #expect(image.lastUsed > before && image.lastUsed < .seconds(time(nil) + 1))
        }
        // Using the older one makes it the first.
        usleep(20_000)
        _ = try await prepare("a")
        #expect(try list().first?.digest == first.digest)
        first.hold.release()
    }

    @Test("An entry in use stays, whole; once released it goes, and nothing of it is left") func removal()
        async throws
    {
        let image = try await prepare("a")
        #expect(try remove(image.digest) == .inUse)
        #expect(try listing(image.path)["usr/seed"] == "f 644 a")
        image.hold.release()
        #expect(try settle { try remove(image.digest) == .removed })
        #expect(try list().isEmpty)
        #expect(try remove(image.digest) == .missing)
        for folder in ["images", "trash", "locks", "building"] {
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(cachePath)/\(folder)")
            #expect(left.isEmpty, "\(folder): \(left)")
        }
        // The archive is unpacked again.
        let again = try await prepare("a")
        #expect(again.digest == image.digest)
        again.hold.release()
    }

    @Test(
        "Damaged entries are listed as such, and removed",
        arguments: [
            "rm manifest.json", "echo {} >manifest.json", "rm in-use",
            "sed -i 's/\"format\":1/\"format\":0/' manifest.json",
        ])
    func damage(_ command: String) async throws {
        let image = try await prepare("a")
        image.hold.release()
        let entry = "\(cachePath)/images/sha256-\(image.digest!.dropFirst(7))"
        try scratch.run("sh", ["-c", command], in: entry)
        let listed = try #require(try list().first)
        #expect(listed.digest == image.digest && !listed.isComplete)
        #expect(listed.lastUsed > .seconds(time(nil) - 3600))
        #expect(try settle { try remove(image.digest) == .removed })
        #expect(try list().isEmpty)
    }

    @Test("Only a digest names an entry", arguments: ["", "sha256:", "../../x", "sha256:../x", "abcd"])
    func badDigest(_ text: String) {
        let error = #expect(throws: SandboxError.self) { try remove(text) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("A cache that others can write is not read") func unsafe() async throws {
        let image = try await prepare("a")
        image.hold.release()
        #expect(chmod(cachePath, 0o777) == 0)
        let error = #expect(throws: SandboxError.self) { try list() }
        #expect(error?.code == .fileAccess && error?.message.contains("can be written by others") == true)
        #expect(throws: SandboxError.self) { try remove(image.digest) }
    }
}
