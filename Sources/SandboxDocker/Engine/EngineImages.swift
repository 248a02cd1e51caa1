/// The engine's requests about images.

#if Docker
import NIOCore
import NIOHTTP1
package import SandboxAPI
import SandboxImages
import SandboxRuntime

/// An image that the engine has.
package struct ImageSummary: Sendable, Hashable, Decodable {
    /// As `sha256:…`.
    package var id: String
    /// As `name@sha256:…`; empty for an image that comes from no registry.
    package var repositoryDigests: [String]
    package var tags: [String]
    package var architecture: String
    package var os: String
    /// The image's variables (`Env`).
    package var environment: [ByteString: ByteString]
    /// Directories for which the engine makes a volume in each container (`VOLUME`).
    package var volumes: [ByteString] = []

    private enum Key: String, CodingKey {
        case id = "Id"
        case repositoryDigests = "RepoDigests"
        case tags = "RepoTags"
        case architecture = "Architecture"
        case os = "Os"
        case config = "Config"
    }

    private struct Config: Decodable {
        var environment: [String]?
        var volumes: [String: Empty]?

        private enum CodingKeys: String, CodingKey {
            case environment = "Env"
            case volumes = "Volumes"
        }

        struct Empty: Decodable {}
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        let id = try values.decode(String.self, forKey: .id)
        // Podman leaves the algorithm out.
        self.id = id.contains(":") ? id : "sha256:" + id
        repositoryDigests = try values.decodeIfPresent([String].self, forKey: .repositoryDigests) ?? []
        tags = try values.decodeIfPresent([String].self, forKey: .tags) ?? []
        architecture = try values.decodeIfPresent(String.self, forKey: .architecture) ?? ""
        os = try values.decodeIfPresent(String.self, forKey: .os) ?? ""
        let config = try values.decodeIfPresent(Config.self, forKey: .config)
        environment = ImageEnvironment.parse(config?.environment ?? []).asBytes
        volumes = (config?.volumes ?? [:]).keys.map { ByteString($0) }
    }
}

/// One progress report of a pull.
package struct PullProgress: Sendable, Hashable {
    /// As "Downloading".
    package var status: String
    /// The layer, if the report is about one.
    package var layer: String?
    /// Bytes of the layer so far and in all, if the engine reports them.
    package var current: Int64?
    package var total: Int64?
}

/// The requests of an ``EngineClient`` about images.
package struct EngineImages: Sendable {
    let client: EngineClient

    /// An image by name or id; nil if the engine does not have it.
    package func inspect(_ reference: String) async throws(EngineError) -> ImageSummary? {
        let request = request(.GET, reference, "/json", isRepeatable: true)
        let answer = try await client.send(request, successes: [404])
        guard answer.isSuccess else { return nil }
        return try EngineJSON.decode(ImageSummary.self, from: answer.body, operation: request.operation)
    }

    /// Has the engine pull an image.
    ///
    /// - Parameter progress: called on the event loop for each report.
    /// - Throws: an error with the image's name and the engine's text, also when the engine finds the error
    ///   after it has begun to answer.
    package func pull(
        _ name: ImageName, progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws(EngineError) {
        var request = EngineRequest(
            method: .POST, path: "/images/create", patience: .silence(client.timeouts.silence))
        request.query = [("fromImage", name.name), ("tag", name.tagOrDigest)]
        do throws(EngineError) {
            try await stream(request) { news in
                guard let status = news.status else { return }
                progress?(
                    PullProgress(
                        status: EngineError.bounded(status), layer: news.id.map(EngineError.bounded),
                        current: news.detail?.current, total: news.detail?.total))
            }
        } catch {
            var error = error
            error.message = "\(name.exactName): \(error.message)"
            throw error
        }
    }

    /// Loads the images of an archive in the form of `docker save` into the engine.
    ///
    /// - Parameter file: its path; read piece by piece.
    /// - Returns: the names and ids, as the engine writes them.
    @discardableResult
    package func load(file: String) async throws(EngineError) -> [String] {
        try await load(.file(path: file, type: "application/x-tar"))
    }

    /// Loads the images of an archive in the form of `docker save` into the engine.
    @discardableResult
    package func load(tar: [UInt8]) async throws(EngineError) -> [String] {
        try await load(.bytes(ByteBuffer(bytes: tar), type: "application/x-tar"))
    }

    /// Makes an image from the archive of a root file system.
    ///
    /// - Parameters:
    ///   - file: its path; read piece by piece.
    ///   - name: with a tag.
    package func importRootfs(file: String, as name: ImageName) async throws(EngineError) {
        var request = EngineRequest(
            method: .POST, path: "/images/create", patience: .silence(client.timeouts.silence))
        request.query = [("fromSrc", "-"), ("repo", name.name), ("tag", name.tagOrDigest)]
        request.body = .file(path: file, type: "application/x-tar")
        try await stream(request) { _ in }
    }

    /// Gives an image a further name.
    package func tag(_ reference: String, as name: ImageName) async throws(EngineError) {
        var request = request(.POST, reference, "/tag", isRepeatable: true)
        request.query = [("repo", name.name), ("tag", name.tagOrDigest)]
        try await client.send(request)
    }

    /// Removes a name of an image, and the image with its last name; no error if there is none.
    package func remove(_ reference: String, force: Bool = false) async throws(EngineError) {
        var request = request(.DELETE, reference, "", isRepeatable: true)
        request.query = [("force", force ? "1" : "0")]
        try await client.send(request, successes: [404])
    }

    private func load(_ body: EngineRequest.Body) async throws(EngineError) -> [String] {
        var request = EngineRequest(
            method: .POST, path: "/images/load", patience: .silence(client.timeouts.silence))
        request.query = [("quiet", "1")]
        request.body = body
        let loaded = Locked<[String]>([])
        let prefixes = ["Loaded image: ", "Loaded image ID: ", "Loaded image(s): "]
        try await stream(request) { news in
            for line in (news.stream ?? "").split(separator: "\n") {
                for prefix in prefixes where line.hasPrefix(prefix) {
                    // Podman lists all names in one line.
                    let names = line.dropFirst(prefix.count).split(separator: ",")
                        .map { EngineError.bounded(String($0)) }
                    loaded.withLock { $0 += names }
                }
            }
        }
        return loaded.withLock { $0 }
    }

    private func request(
        _ method: HTTPMethod, _ reference: String, _ rest: String, isRepeatable: Bool
    ) -> EngineRequest {
        EngineRequest(
            method: method, path: "/images/" + EngineRequest.imageSegment(reference) + rest,
            patience: .total(client.timeouts.answer), isRepeatable: isRepeatable)
    }

    // MARK: Streams of news

    /// One object of an answer that reports progress.
    private struct News: Decodable, Sendable {
        struct Detail: Decodable, Sendable {
            var current: Int64?
            var total: Int64?
        }

        struct Failure: Decodable, Sendable {
            var message: String?
        }

        var status: String?
        var stream: String?
        var id: String?
        var detail: Detail?
        var error: String?
        var failure: Failure?

        enum CodingKeys: String, CodingKey {
            case status, stream, id, error
            case detail = "progressDetail"
            case failure = "errorDetail"
        }
    }

    /// Sends a request whose answer is a stream of progress objects; an error among them fails the request.
    private func stream(
        _ request: EngineRequest, _ body: @escaping @Sendable (News) -> Void
    ) async throws(EngineError) {
        let operation = request.operation
        let splitter = Locked(JSONObjectSplitter())
        let receive: @Sendable (ByteBuffer) throws(EngineError) -> Void = { bytes throws(EngineError) in
            let objects = splitter.withLock { splitter in
                Result { () throws(JSONObjectSplitter.Failure) in try splitter.split(bytes) }
            }
            guard case .success(let objects) = objects else {
                throw EngineError(
                    .malformedAnswer, operation: operation,
                    message: "the answer is no stream of JSON objects")
            }
            for object in objects {
                let news = try EngineJSON.decode(News.self, from: object, operation: operation)
                if let words = news.failure?.message ?? news.error {
                    throw EngineError(
                        .refused(status: 200), operation: operation, message: EngineError.bounded(words))
                }
                body(news)
            }
        }
        try await client.send(request, receive: receive)
        guard splitter.withLock({ $0.isBetweenObjects }) else {
            throw EngineError(
                .malformedAnswer, operation: operation, message: "the answer ended inside of an object")
        }
    }
}
#endif
