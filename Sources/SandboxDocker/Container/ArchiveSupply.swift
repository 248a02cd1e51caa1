/// Finds or makes the engine's image for an archive's path, so that this backend accepts the same archives as
/// the local one.

#if Docker
import Logging
import SandboxAPI
import SandboxImages
import SandboxRuntime

final class ArchiveSupply: Sendable {
    private typealias Attempt = Task<Result<String, SandboxError>, Never>

    private let client: EngineClient
    private let logger: Logger
    private let onProgress: PreparationMeter.Observer?
    /// By path, with the identity of the file at that time.
    private let attempts = Locked<[String: (file: ArchiveIdentity?, attempt: Attempt)]>([:])
    private static let most = 64

    init(_ client: EngineClient, logger: Logger, onProgress: PreparationMeter.Observer? = nil) {
        self.client = client
        self.logger = logger
        self.onProgress = onProgress
    }

    /// The engine's name for an image: a name stays as it is; for the path of an archive it is the name of
    /// the image made of that archive. That name contains the archive's digest, so it depends on the bytes
    /// only, not on the file's name or on the engine's other images, and a changed archive is another image.
    ///
    /// - Throws: `.imageUnavailable`, with the path.
    func name(_ reference: String) async throws(SandboxError) -> String {
        guard ArchivePath.isPath(reference) else { return reference }
        let file = ArchiveIdentity(path: reference)
        let attempt = attempts.withLock { attempts in
            if let known = attempts[reference], known.file == file { return known.attempt }
            let attempt = Attempt {
                do throws(SandboxError) {
                    return .success(try await self.provide(reference, isThere: file != nil))
                } catch {
                    return .failure(error)
                }
            }
            if attempts.count >= Self.most { attempts.removeAll() }
            // A file that may change without a new identity is read again.
            attempts[reference] = (file, attempt)
            return attempt
        }
        // Other callers may wait for this attempt, too, and its result helps the next one.
        guard case .value(let result) = await Awaited(attempt) else { throw .acquireCancelled }
        if (try? result.get()) == nil || file?.isSettled == false { forget(reference, attempt) }
        return try result.get()
    }

    /// The engine no longer has the image.
    func forget(_ reference: String) { attempts.withLock { $0[reference] = nil } }

    private func forget(_ reference: String, _ attempt: Attempt) {
        attempts.withLock { if $0[reference]?.attempt == attempt { $0[reference] = nil } }
    }

    private func provide(_ path: String, isThere: Bool) async throws(SandboxError) -> String {
        guard isThere else {
            throw SandboxError(
                .imageUnavailable, stage: "image", message: "there is no file \(Validation.quoted(path))",
                hint:
                    "check the path; an image of the engine goes by its name, without a suffix or a slash at its start"
            )
        }
        let meter = PreparationMeter(path, onProgress)
        meter?.begin(.reading)
        defer { meter?.finish() }
        let base = ArchivePath.imageName(path)
        let isName = (try? ImageName(parsing: base)) != nil
        let facts = try await ArchiveFacts.read(path)
        let tag = facts.digest.split(separator: ":").last.map(String.init) ?? ""
        let name = try ImageName(parsing: "swift-sandbox/\(isName ? base : "image"):\(tag)")
        do throws(EngineError) {
            if try await client.images.inspect("\(name)") != nil { return "\(name)" }
            logger.notice(
                "giving an archive to the engine", metadata: ["file": "\(path)", "image": "\(name)"])
            meter?.begin(.loading)
            if facts.isRootfs {
                try await client.images.importRootfs(file: path, as: name)
            } else {
                let loaded = try await client.images.load(file: path)
                guard loaded.count == 1 else {
                    throw EngineError(
                        .malformedAnswer, operation: "POST /images/load",
                        message: "the archive holds \(loaded.count) images, not one")
                }
                try await client.images.tag(loaded[0], as: name)
            }
            return "\(name)"
        } catch {
            guard error.status != nil || error.kind == .malformedAnswer else {
                throw error.sandboxError()
            }
            throw SandboxError(
                .imageUnavailable, stage: "import",
                message: "the engine did not take \(Validation.quoted(path)): \(error.message)",
                hint: "check that `docker load` or `docker import` takes it")
        }
    }
}
#endif
