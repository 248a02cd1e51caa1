/// Turns an image's name into a directory that a sandbox can use.

import Glibc
package import SandboxAPI
package import SandboxRuntime

/// A root file system, ready to be mounted.
package struct PreparedImage: Sendable {
    /// The absolute path of the root file system; `/` for the host's.
    package var path: String
    /// `sha256:…` of the archive; `nil` for the host and for directories.
    package var digest: String?
    /// Whether this library unpacked the tree: all of it then belongs to this user, and no other process
    /// changes it.
    package var isUnpacked: Bool
    /// The `Env` of an OCI or Docker image; empty for all others.
    package var environment: [String: String]
    /// Keeps the tree in the cache. Release it when the tree's last mount is gone.
    package var hold: ImageHold
}

/// Finds images, and unpacks archives into a cache that all processes of a user share.
package final class ImageStore: Sendable {
    private let cachePath: String?
    private let limits: ImageLimits
    private let maximumBytes: Int
    private let onProgress: PreparationMeter.Observer?
    private let cache = Locked<ImageCache?>(nil)

    /// - Parameters:
    ///   - cachePath: an absolute path; `nil`: `SANDBOX_CACHE`, or the user's standard directory.
    ///   - maximumBytes: above it, unused entries of the cache are removed.
    ///   - onProgress: told of archives that are read and unpacked, on the thread that does it.
    init(
        cachePath: String? = nil, limits: ImageLimits = .standard,
        maximumBytes: Int = ImageCache.standardBytes, onProgress: PreparationMeter.Observer? = nil
    ) {
        self.onProgress = onProgress
        self.cachePath = cachePath
        self.limits = limits
        self.maximumBytes = maximumBytes
    }

    /// A store with the user's own cache and the standard bounds.
    package convenience init(onProgress: PreparationMeter.Observer? = nil) {
        self.init(cachePath: nil, onProgress: onProgress)
    }

    /// Makes an image ready for use: at once for the host, a directory, or an archive that this process has
    /// used before and that is unchanged; else on a thread of its own, for as long as hashing and unpacking
    /// take.
    ///
    /// - Throws: `.imageUnavailable`, with the file, the entry and a hint; `.cancelled`.
    package func prepare(_ image: Image) async throws(SandboxError) -> PreparedImage {
        do throws(ImageFailure) {
            switch try ImageReference(image) {
            case .host: return Self.inPlace("/")
            case .directory(let path):
                try RootDirectory.check(path: path)
                return Self.inPlace(path)
            case .archive(let path):
                if let entry = cache.withLock({ $0 })?.recall(path) { return Self.prepared(entry) }
                let meter = PreparationMeter("\(image)", onProgress)
                defer { meter?.finish() }
                let cancellation = Cancellation(meter: meter)
                let result = await withTaskCancellationHandler {
                    await BlockingThread.run { self.unpack(path, named: "\(image)", cancellation) }
                } onCancel: {
                    cancellation.cancel()
                }
                return Self.prepared(try result.get())
            }
        } catch {
            throw SandboxError(error, image: "\(image)")
        }
    }

    /// Removes what dead processes left in this user's cache, if there is one.
    ///
    /// - Returns: the removed paths.
    package static func cleanup(cachePath: String? = nil) throws(SandboxError) -> [String] {
        do throws(ImageFailure) {
            let path = try directory(cachePath)
            var status = stat()
            // A search for leftovers creates no cache.
            guard stat(path, &status) == 0 else { return [] }
            return try CacheDirectory(path: path).cleanUp()
        } catch {
            throw SandboxError(
                .setupFailed, stage: "cleanup", errno: error.errno,
                message: "the image cache could not be cleaned: \(error.reason)", hint: error.hint)
        }
    }

    private func unpack(
        _ path: String, named name: String, _ cancellation: Cancellation
    ) -> Result<ImageCache.Entry, ImageFailure> {
        do throws(ImageFailure) {
            try cancellation.check()
            let cache = try opened()
            guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) else {
                throw ImageFailure(errno: errno, "open the file")
            }
            return .success(try cache.prepare(file, named: name, cancellation))
        } catch {
            return .failure(error)
        }
    }

    /// The cache, which the first archive opens.
    private func opened() throws(ImageFailure) -> ImageCache {
        if let cache = cache.withLock({ $0 }) { return cache }
        let made = try ImageCache(
            path: try Self.directory(cachePath), limits: limits, maximumBytes: maximumBytes)
        return cache.withLock { cache in
            if let cache { return cache }
            cache = made
            return made
        }
    }

    static func directory(_ path: String?) throws(ImageFailure) -> String {
        if let path { return path }
        return try CacheDirectory.standardPath { name in getenv(name).map { String(cString: $0) } }
    }

    private static func inPlace(_ path: String) -> PreparedImage {
        PreparedImage(path: path, digest: nil, isUnpacked: false, environment: [:], hold: ImageHold(nil))
    }

    private static func prepared(_ entry: ImageCache.Entry) -> PreparedImage {
        PreparedImage(
            path: entry.rootfs, digest: entry.digest, isUnpacked: true, environment: entry.environment,
            hold: entry.hold)
    }
}
