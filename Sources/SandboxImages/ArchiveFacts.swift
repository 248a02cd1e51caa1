/// The facts of an archive that a client of an engine needs before it uploads the archive.

import Glibc
package import SandboxAPI
import SandboxRuntime

/// An archive's form and digest.
package struct ArchiveFacts: Sendable, Hashable {
    /// The SHA-256 of the file, as `sha256:…`.
    package var digest: String
    /// Whether it holds the files of a root file system; else it is an OCI image layout, or the output of
    /// `docker save`.
    package var isRootfs: Bool

    /// Reads a whole archive on a thread of its own.
    ///
    /// - Parameter path: the path as the caller gave it.
    /// - Throws: `.imageUnavailable`, naming the path; `.cancelled`.
    package static func read(_ path: String) async throws(SandboxError) -> ArchiveFacts {
        let cancellation = Cancellation()
        let result = await withTaskCancellationHandler {
            await BlockingThread.run { read(path, cancellation) }
        } onCancel: {
            cancellation.cancel()
        }
        do throws(ImageFailure) {
            return try result.get()
        } catch {
            throw SandboxError(error, image: path)
        }
    }

    private static func read(_ path: String, _ cancellation: Cancellation) -> Result<Self, ImageFailure> {
        do throws(ImageFailure) {
            guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) else {
                throw ImageFailure(errno: errno, "open the file")
            }
            var status = stat()
            guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw ImageFailure(
                    "it is not a regular file",
                    hint: "pack a directory with `tar -C DIRECTORY -cf image.tar .`")
            }
            let identity = try ArchiveIdentity(of: file)
            let kind = try ImageArchive(
                file.number, size: identity.size, limits: .standard, cancellation: cancellation
            ).kind()
            let source = try HashingSource(
                FileSource(file.number, count: identity.size, cancellation: cancellation))
            try source.drain()
            guard try ArchiveIdentity(of: file) == identity else {
                throw ImageFailure("the file was changed while it was read", hint: "leave it alone meanwhile")
            }
            return .success(ArchiveFacts(digest: source.digest(), isRootfs: kind == .rootfs))
        } catch {
            return .failure(error)
        }
    }
}
