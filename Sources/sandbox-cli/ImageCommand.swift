/// `sandbox image`: lists and removes the unpacked archives of the local backend's cache.

#if CLI
import ArgumentParser
import Glibc
import Sandbox

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "List and remove the archives that the local backend has unpacked.",
        discussion: """
            They are in SANDBOX_CACHE, else for root in /var/cache/swift-sandbox, else in swift-sandbox below \
            XDG_CACHE_HOME or ~/.cache. The images of a Docker Engine are the engine's: `docker image ls`.
            """,
        subcommands: [ImageListCommand.self, ImageRemoveCommand.self])
}

struct ImageListCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the unpacked archives, the most recently used first.",
        aliases: ["ls"])

    @Flag(help: "Print one JSON object.")
    var json = false

    func perform() async -> Int32 {
        await Session(.local, json: json).perform {
            let images = try await LocalBackend.cachedImages()
            let text =
                json
                ? try JSONText.encode(ImageListObject(images))
                : Array(ImageTable.render(images, now: ImageRemoveCommand.now).utf8)
            try await StandardStreams.writeOut(text)
            return ExitStatus.success
        }
    }
}

struct ImageRemoveCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove unpacked archives, and not the archives themselves.",
        usage: """
            sandbox image remove IMAGE...
            sandbox image remove --all
            sandbox image remove --older-than AGE
            """,
        discussion: """
            An image that a live process uses stays: naming it is an error, --all and --older-than leave it out. \
            The next use of a removed image unpacks its archive again.
            """,
        aliases: ["rm"])

    @Argument(
        help: "The archive as `sandbox image list` shows it, its digest, or the first digits of that.")
    var image: [ByteString] = []

    @Flag(help: "Remove all that are not in use.")
    var all = false

    @Option(
        parsing: .unconditional,
        help: .init(
            "Remove those not used for this long: a number and s, m, h or d, such as 12h or 30d.",
            valueName: "age"),
        transform: Age.parse)
    var olderThan: Duration?

    func validate() throws {
        let ways = [!image.isEmpty, all, olderThan != nil].count { $0 }
        if ways == 0 { throw ValidationError("an image is needed, or --all, or --older-than") }
        if ways > 1 { throw ValidationError("images, --all and --older-than exclude each other") }
    }

    private var selection: ImageSelection {
        if let olderThan { return .olderThan(olderThan) }
        return all ? .all : .named(image.map(\.text))
    }

    /// The time since 1970.
    static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    func perform() async -> Int32 {
        await Session(.local, json: false).perform {
            let chosen = try selection.choose(from: try await LocalBackend.cachedImages(), now: Self.now)
            var inUse: [CachedImage] = []
            var removed = 0
            for image in chosen {
                switch try await LocalBackend.removeCachedImage(image.digest) {
                case .removed:
                    removed += 1
                    try await StandardStreams.writeOut(Array("removed \(ImageTable.line(image))\n".utf8))
                case .inUse: inUse.append(image)
                case .missing: continue  // another process was first
                }
            }
            if case .named = selection, let image = inUse.first {
                throw SandboxError(
                    .sandboxBusy, message: "\(ImageTable.line(image)) is in use and stays",
                    hint: "end the processes that use it, then remove it")
            }
            let left = inUse.map { "in use, stays: \(ImageTable.line($0))\n" }
            if removed == 0, left.isEmpty {
                try await StandardStreams.writeOut(Array("nothing to remove\n".utf8))
            }
            try await StandardStreams.writeOut(Array(left.joined().utf8))
            return ExitStatus.success
        }
    }
}

/// The object of `sandbox image list --json`.
struct ImageListObject: Encodable {
    struct Entry: Encodable {
        var digest: String
        @Nullable var source: String?
        var bytes: Int
        var names: Int
        /// Seconds since 1970-01-01 00:00 UTC.
        var lastUsedSeconds: Double
        var inUse: Bool
        var complete: Bool
    }

    let schemaVersion = 1
    var images: [Entry]
    var totalBytes: Int

    init(_ images: [CachedImage]) {
        totalBytes = images.reduce(0) { $0 + $1.bytes }
        self.images = images.map {
            Entry(
                digest: $0.digest, source: $0.source, bytes: $0.bytes, names: $0.names,
                lastUsedSeconds: Seconds.value($0.lastUsed), inUse: $0.isInUse, complete: $0.isComplete)
        }
    }
}
#endif
