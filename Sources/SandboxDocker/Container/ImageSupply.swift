/// Ensures that the engine has an image before containers are made of it.

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

    /// The engine's image, pulled if it is missing.
    ///
    /// - Throws: `.imageUnavailable` with the exact reference and the engine's message.
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
            let meter = PreparationMeter(reference, configuration.onProgress)
            meter?.begin(.pulling)
            defer { meter?.finish() }
            let layers = Locked(PulledLayers())
            try await client.images.pull(name) { report in
                progress?(ImagePullProgress(reference, report))
                guard let meter else { return }
                let bytes = layers.withLock { layers in
                    layers.add(report)
                    return layers.bytes
                }
                meter.set(done: bytes.done, total: bytes.total)
            }
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

/// The bytes of an image's layers, from the engine's reports about each of them.
struct PulledLayers {
    private var layers: [String: (done: Int, total: Int)] = [:]
    private static let most = 1024

    /// Reports of extracting count the same bytes a second time, and are left out.
    mutating func add(_ report: PullProgress) {
        guard let layer = report.layer, layers[layer] != nil || layers.count < Self.most else { return }
        switch report.status {
        case "Downloading":
            guard let done = report.current, let total = report.total, total > 0 else { return }
            layers[layer] = (Int(min(max(0, done), total)), Int(total))
        case "Download complete", "Pull complete":
            if let known = layers[layer] { layers[layer] = (known.total, known.total) }
        default: break
        }
    }

    /// The total grows as the engine gets to know more layers; `nil` while it knows none.
    var bytes: (done: Int, total: Int?) {
        // The engine's numbers: their sum may be anything.
        func sum(_ part: ((done: Int, total: Int)) -> Int) -> Int {
            layers.values.reduce(0) { sum, layer in
                let (sum, isTooLarge) = sum.addingReportingOverflow(part(layer))
                return isTooLarge ? .max : sum
            }
        }
        return layers.isEmpty ? (0, nil) : (sum(\.done), sum(\.total))
    }
}

/// The progress of an image's pull.
public struct ImagePullProgress: Sendable, Hashable {
    /// The image's name as the caller gave it.
    public var image: String
    /// The engine's text, as "Downloading".
    public var status: String
    public var layer: String?
    /// Bytes of the layer so far; nil where the engine does not report them.
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
