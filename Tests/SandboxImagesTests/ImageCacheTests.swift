/// Tests the cache: unpacking once, verification, bounds, sharing between tasks and processes, protection
/// from other users.

import Foundation
import SandboxAPI
import SandboxRuntime
import Testing

@testable import SandboxImages

@Suite("The image cache") struct ImageCacheTests {
    private let scratch: Scratch
    private let cachePath: String

    init() throws {
        scratch = try Scratch()
        cachePath = scratch.path + "/cache"
    }

    private func store(maximumBytes: Int = ImageCache.standardBytes) -> ImageStore {
        ImageStore(cachePath: cachePath, maximumBytes: maximumBytes)
    }

    /// An archive whose content depends on `seed`, old enough for the cache to keep its digest.
    private func archive(_ seed: String = "a", _ name: String? = nil) throws -> Image {
        let path = try scratch.write(TarBuilder.rootfs { $0.file("usr/seed", seed) }, name ?? "\(seed).tar")
        usleep(60_000)
        return .reference(path)
    }

    private func entries(_ folder: String = "images") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cachePath + "/" + folder)
    }

    private func inode(_ path: String) throws -> UInt {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw POSIXError(.ENOENT) }
        return UInt(status.st_ino)
    }

    /// Evicts and cleans until a condition holds, for a second at most: while another test starts a process,
    /// that process has copies of all locks until it executes its program.
    private func settle(_ maximumBytes: Int = .max, until isDone: () throws -> Bool) throws -> Bool {
        let cache = try CacheDirectory(path: cachePath)
        for _ in 0..<100 where try !isDone() {
            try cache.evict(above: maximumBytes)
            _ = try cache.cleanUp()
            usleep(10_000)
        }
        return try isDone()
    }

    private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test("Unpacked once; the second use is a look-up, in this process and in the next") func once()
        async throws
    {
        let image = try archive()
        let store = store()
        let first = try await store.prepare(image)
        #expect(first.isUnpacked)
        #expect(first.path == cachePath + "/images/sha256-\(first.digest!.dropFirst(7))/rootfs")
        #expect(try listing(first.path)["usr/seed"] == "f 644 a")
        let made = try inode(first.path)
        #expect(try inode(try await store.prepare(image).path) == made)
        #expect(try inode(try await self.store().prepare(image).path) == made)
        #expect(try entries("index").count == 1)
        for folder in ["building", "trash", "locks"] { #expect(try entries(folder).isEmpty, "\(folder)") }
    }

    @Test("Named by content: a copy is the same image, a change is another") func content() async throws {
        let store = store()
        let first = try await store.prepare(try archive("a", "one.tar"))
        let second = try await store.prepare(try archive("a", "two.tar"))
        #expect(first.path == second.path)
        let third = try await store.prepare(try archive("b", "one.tar"))
        #expect(third.digest != first.digest)
        #expect(try listing(third.path)["usr/seed"] == "f 644 b")
        #expect(try await store.prepare(try archive("a", "one.tar")).digest == first.digest)
        #expect(try entries().count == 2)
    }

    @Test("A change within the clock's tick is not missed") func changedAtOnce() async throws {
        let store = store()
        let path = scratch.path + "/quick.tar"
        for seed in ["a", "b", "a", "c"] {
            _ = try scratch.write(TarBuilder.rootfs { $0.file("usr/seed", seed) }, "quick.tar")
            let image = try await store.prepare(.reference(path))
            #expect(try listing(image.path)["usr/seed"] == "f 644 \(seed)")
        }
    }

    @Test("Many tasks at once unpack once") func concurrent() async throws {
        let image = try archive()
        let stores = [store(), store(), store()]
        let inodes = try await withThrowingTaskGroup { group in
            for number in 0..<12 {
                group.addTask { try self.inode(try await stores[number % 3].prepare(image).path) }
            }
            return try await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect(inodes.count == 1)
        #expect(try entries().count == 1)
    }

    @Test(
        "Whatever is changed in an entry is noticed by the next process, and mended",
        arguments: [
            "rm usr/seed", "echo b > usr/seed", "chmod 600 usr/seed", "touch -d @1000000000 usr/seed",
            "echo x > usr/more", "ln -s x etc", "mv usr/seed usr/other", "rm -r usr", "rm ../manifest.json",
            ": > ../manifest.json", "echo '{}' > ../manifest.json", "rm ../in-use", "rm -r ../rootfs",
            "chmod 700 .", "mv ../rootfs ../x; ln -s x ../rootfs",
            "cp -a ../rootfs ../x; rm -r ../rootfs; mv ../x ../rootfs",
        ])
    func damage(_ command: String) async throws {
        let image = try archive()
        let first = try await store().prepare(image)
        first.hold.release()
        let before = try listing(first.path)
        try scratch.run("sh", ["-c", command], in: first.path)
        usleep(20_000)
        var damaged = timespec()
        clock_gettime(CLOCK_REALTIME, &damaged)
        usleep(20_000)
        let second = try await store().prepare(image)
        #expect(try listing(second.path) == before)
        var status = stat()
        #expect(stat(second.path, &status) == 0)
        #expect((status.st_ctim.tv_sec, status.st_ctim.tv_nsec) > (damaged.tv_sec, damaged.tv_nsec))
        #expect(try entries().count == 1)
        #expect(try settle { try entries("trash").isEmpty })
    }

    @Test("The process that verified an entry notices a change at its top") func damageLater() async throws {
        let image = try archive()
        let store = store()
        let first = try await store.prepare(image)
        try scratch.run("sh", ["-c", "rm bin"], in: first.path)
        let second = try await store.prepare(image)
        #expect(try listing(second.path)["bin"] == "l usr/bin")
        // The first user still has the damaged entry, which goes when that user releases it.
        #expect(try entries("trash").count == 1)
        first.hold.release()
        #expect(try settle { try entries("trash").isEmpty })
    }

    /// Room for two of the tests' entries, each of about 28 kB.
    private static let roomForTwo = 70_000

    @Test("Above the bound the least recently used go, and never what is in use") func eviction() async throws
    {
        let store = store(maximumBytes: Self.roomForTwo)
        let a = try await store.prepare(try archive("a"))
        let b = try await store.prepare(try archive("b"))
        b.hold.release()
        let c = try await store.prepare(try archive("c"))
        // b was used less recently than c, and is not in use.
        #expect(try settle(Self.roomForTwo) { !isThere(b.path) })
        #expect(isThere(a.path) && isThere(c.path))
        // While all are in use, none is removed.
        let d = try await store.prepare(try archive("d"))
        #expect(try entries().count == 3)
        a.hold.release()
        #expect(try settle(Self.roomForTwo) { !isThere(a.path) })
        #expect(try entries().count == 2)
        #expect(try settle { try entries("trash").isEmpty })
        withExtendedLifetime((c, d)) {}
    }

    @Test("A use makes an entry young again") func recentUse() async throws {
        let store = store()
        let image = try archive("a")
        let first = try await store.prepare(image)
        first.hold.release()
        let second = try await store.prepare(try archive("b"))
        second.hold.release()
        usleep(20_000)
        try await store.prepare(image).hold.release()
        #expect(try settle(Self.roomForTwo / 2) { !isThere(second.path) })
        #expect(isThere(first.path))
    }

    @Test("A refused archive leaves nothing, and the next one works") func refused() async throws {
        let hostile = try scratch.write(TarBuilder.rootfs { $0.file("../x") }, "hostile.tar")
        let error = await #expect(throws: SandboxError.self) {
            try await store().prepare(.reference(hostile))
        }
        #expect(error?.code == .imageUnavailable)
        #expect(error?.message.contains(#"hostile.tar", entry "../x": "#) == true)
        for folder in ["images", "building", "trash", "locks"] { #expect(try entries(folder).isEmpty) }
        _ = try await store().prepare(try archive())
    }

    @Test("No root file system") func noRoot() async throws {
        let archive = try scratch.write(TarBuilder.make { $0.file("readme") }, "x.tar")
        let error = await #expect(throws: SandboxError.self) {
            try await store().prepare(.reference(archive))
        }
        #expect(error?.message.contains("neither usr nor bin") == true)
    }

    @Test("A cancelled task stops, also while it waits for another process") func cancelled() async throws {
        let image = try archive()
        let cache = try CacheDirectory(path: cachePath)
        let digest = try SHA256.digest(of: TarBuilder.rootfs { $0.file("usr/seed", "a") })
        let lock = try FileLock.take(
            "sha256-" + digest.dropFirst(7), in: cache.locks.number, .exclusive, creating: true, waiting: nil)
        #expect(lock != nil)
        let store = store()
        let task = Task { try await store.prepare(image) }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try entries().isEmpty)
        task.cancel()
        let error = await #expect(throws: SandboxError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        withExtendedLifetime(lock) {}
    }

    @Test("The next use removes what a dead unpacker left, not what a living one makes") func leftovers()
        async throws
    {
        let cache = try CacheDirectory(path: cachePath)
        for name in ["sha256-dead", "sha256-alive"] {
            _ = try scratch.makeDirectory("cache/building/\(name)/rootfs/usr")
        }
        _ = try scratch.makeDirectory("cache/trash/x.1/rootfs/usr")
        let alive = try FileLock.take(
            "sha256-alive", in: cache.locks.number, .exclusive, creating: true, waiting: nil)
        _ = try await store().prepare(try archive())
        #expect(try entries("building") == ["sha256-alive"])
        #expect(try entries("trash").isEmpty)
        withExtendedLifetime(alive) {}
    }

    @Test(
        "A cache that others can change is refused", arguments: ["mode", "owner", "inner", "parent", "file"])
    func insecure(_ what: String) async throws {
        _ = try scratch.makeDirectory("cache/images")
        #expect(chmod(cachePath, 0o700) == 0)
        switch what {
        case "mode": #expect(chmod(cachePath, 0o770) == 0)
        case "owner":
            guard geteuid() == 0 else { return }
            #expect(chown(cachePath, 12345, 0) == 0)
        case "inner": #expect(chmod(cachePath + "/images", 0o777) == 0)
        case "parent": #expect(chmod(scratch.path, 0o777) == 0)
        default:
            try scratch.run("rm", ["-r", cachePath])
            _ = try scratch.write([1], "cache")
        }
        let image = try archive()
        let error = await #expect(throws: SandboxError.self) { try await store().prepare(image) }
        #expect(error?.code == .imageUnavailable)
        #expect(error?.message.contains("the cache directory") == true)
        #expect(error?.hint?.contains("SANDBOX_CACHE") == true)
    }

    @Test("The cache is created with mode 0700, parents included") func made() async throws {
        let path = scratch.path + "/home/.cache/swift-sandbox"
        _ = try await ImageStore(cachePath: path).prepare(try archive())
        for folder in [path, scratch.path + "/home/.cache", path + "/images"] {
            var status = stat()
            #expect(stat(folder, &status) == 0 && status.st_mode & 0o7777 == 0o700)
        }
    }

    @Test func standardPath() throws {
        func path(_ environment: [String: String], user: uid_t) throws(ImageFailure) -> String {
            try CacheDirectory.standardPath(environment: { environment[$0] }, user: user)
        }
        #expect(try path(["HOME": "/root", "XDG_CACHE_HOME": "/x"], user: 0) == "/var/cache/swift-sandbox")
        #expect(try path(["HOME": "/home/u"], user: 1000) == "/home/u/.cache/swift-sandbox")
        #expect(try path(["HOME": "/home/u", "XDG_CACHE_HOME": "/x"], user: 1000) == "/x/swift-sandbox")
        #expect(
            try path(["HOME": "/home/u", "XDG_CACHE_HOME": "x"], user: 1000) == "/home/u/.cache/swift-sandbox"
        )
        #expect(try path(["SANDBOX_CACHE": "/c", "HOME": "/h"], user: 0) == "/c")
        #expect(throws: ImageFailure.self) { try path(["SANDBOX_CACHE": "c"], user: 0) }
        #expect(throws: ImageFailure.self) { try path([:], user: 1000) }
    }
}
