/// The local backend's image cache: what is in it, and how an entry is removed.

import Glibc
import SandboxAPI
import SandboxImages
import SandboxRuntime

extension LocalBackend {
    /// Lists the archives that this user's processes have unpacked, the most recently used first.
    ///
    /// The cache is the directory that `SANDBOX_CACHE` names, or the user's standard one. A host without a cache has an
    /// empty list, and none is made. Runs on a thread of its own.
    ///
    /// - Throws: `.fileAccess` when the cache cannot be read, or another user could change it.
    public static func cachedImages() async throws(SandboxError) -> [CachedImage] {
        try await onThread { () throws(SandboxError) in try ImageStore.list() }
    }

    /// Removes an unpacked archive from this user's cache, unless a sandbox of a live process uses it. The
    /// archive itself stays; its next use unpacks it again. Runs on a thread of its own.
    ///
    /// - Parameter digest: ``/SandboxAPI/CachedImage/digest`` of the image.
    /// - Returns: what became of the image; that it is in use or missing is no error.
    /// - Throws: `.invalidArgument` for a text that is no digest; `.fileAccess` when the entry cannot be
    ///   removed.
    public static func removeCachedImage(
        _ digest: String
    ) async throws(SandboxError) -> CachedImage.Removal {
        try await onThread { () throws(SandboxError) in try ImageStore.remove(digest) }
    }

    /// - Parameter stage: of the error where there is no thread.
    static func onThread<Value: Sendable>(
        stage: String? = nil, _ body: @escaping @Sendable () throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        try await BlockingThread.run({ Result(catching: body) }) { number in
            SandboxError(
                .setupFailed, stage: stage, errno: number,
                message: "cannot start a thread: \(describe(errno: number))",
                hint: "raise ulimit -u")
        }.get()
    }
}
