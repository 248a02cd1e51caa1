/// Sees to it that the engine has an image before containers are made of it.

#if Docker
import Logging
import SandboxAPI
import SandboxRuntime

struct ImageSupply: Sendable {
    private let client: EngineClient
    private let configuration: DockerConfiguration

    init(_ client: EngineClient, _ configuration: DockerConfiguration) {
        self.client = client
        self.configuration = configuration
    }

    /// The image as the engine has it, pulled if it was not there.
    ///
    /// - Throws: `.imageUnavailable` with the exact reference and the engine's own words.
    func provide(_ reference: String) async throws(SandboxError) -> ImageSummary {
        let name = try ImageName(parsing: reference)
        do throws(EngineError) {
            if let image = try await client.images.inspect(reference) { return image }
        } catch {
            throw error.sandboxError()
        }
        guard configuration.pullPolicy == .missing, !name.isIdentifier else {
            throw SandboxError(
                .imageUnavailable, stage: "image",
                message:
                    "the engine has no image \(Validation.quoted(reference)), and is not to pull any",
                hint: "load it with `docker load` or `docker import`, or allow pulling")
        }
        configuration.logger.notice("pulling an image", metadata: ["image": "\(reference)"])
        do throws(EngineError) {
            let progress = configuration.onPullProgress
            try await client.images.pull(name) { progress?(ImagePullProgress(reference, $0)) }
            if let image = try await client.images.inspect(reference) { return image }
        } catch {
            guard error.status != nil else { throw error.sandboxError() }
            throw Self.unavailable(reference, error.message)
        }
        throw Self.unavailable(reference, "it pulled the image, and does not have it")
    }

    private static func unavailable(_ reference: String, _ words: String) -> SandboxError {
        SandboxError(
            .imageUnavailable, stage: "pull",
            message: "the engine could not pull \(Validation.quoted(reference)): \(words)",
            hint: "check the name, and whether the engine may reach its registry")
    }
}

/// How far an image has come.
public struct ImagePullProgress: Sendable, Hashable {
    /// As it was asked for.
    public var image: String
    /// The engine's words, as "Downloading".
    public var status: String
    public var layer: String?
    /// Bytes of the layer; nil where the engine does not say.
    public var current: Int64?
    public var total: Int64?

    init(_ image: String, _ progress: PullProgress) {
        self.image = image
        status = progress.status
        layer = progress.layer
        current = progress.current
        total = progress.total
    }
}
#endif
