/// The configuration of the Docker backend: defaults in code, changed by the process's environment.

#if Docker
public import Logging
public import SandboxAPI
import SandboxRuntime

public struct DockerConfiguration: Sendable {
    /// The socket of the engine where no address is given.
    public static let usualSocket = EngineHost.usualSocket

    /// When an image is pulled from its registry.
    public enum PullPolicy: String, Sendable, Hashable, CaseIterable {
        /// When the engine does not have it.
        case missing
        /// Never: an image that the engine does not have is an error.
        case never
    }

    /// How many containers are kept ready, how many there may be, and how long they live. Each image, root
    /// file system mode and network mode in use has a pool of its own.
    public var pool = PoolConfiguration(
        minimum: 2, maximum: 5, idleTimeout: .seconds(120), maxAge: .seconds(30 * 60), maxUses: 100,
        healthCheckInterval: .seconds(5 * 60))
    /// `false`: each sandbox gets a fresh container, made on demand. See ``effectivePool``.
    public var isPoolEnabled = true
    /// The image where the caller names none. Setting it sets the image of every language; see ``images``.
    public var image = "cpp-runner" { didSet { images = [:] } }
    /// The images of languages where none is named, by the language; ``image`` for the others.
    public var images: [Language: String] = [.python: "python-runner"]
    /// The engine's address, as in `DOCKER_HOST`; `nil`: the usual socket.
    public var engineHost: String?
    /// As in `DOCKER_TLS_VERIFY`: TLS if it is set to anything.
    public var engineTLSVerify: String?
    /// As in `DOCKER_CERT_PATH`: the directory with `ca.pem`, `cert.pem` and `key.pem`.
    public var engineCertificates: String?
    public var pullPolicy = PullPolicy.missing
    /// How often the backend compares its containers with the engine's, to remove what dead owners left
    /// behind. `nil`: only at the start.
    public var reconcileInterval: Duration? = .seconds(5 * 60)
    /// How much longer than its wall time limit a run may take to be reported before its container is given
    /// up; also how long any other request to a container may take.
    public var runDeadlineGrace = Duration.seconds(10)
    /// The bounds of the engine's answers.
    public var engineTimeouts = EngineTimeouts()
    /// How long an idle container may take to answer before it is given to a caller; one that does not is
    /// given up, and the next one is taken.
    public var idlePatience = Duration.seconds(1)
    /// How long a container may take to be wiped between two callers; also how long a shut-down may wait for the engine.
    public var resetPatience = Duration.seconds(3)
    /// The health checks of idle containers; of several, those whose program is in the image are run.
    public var healthChecks = HealthProbe.standard
    /// Called while an image is pulled or loaded and while a container is made for a pool, some times a second at most, on
    /// a thread of the library's, which it must not block.
    public var onProgress: (@Sendable (PreparationProgress) -> Void)?
    /// Called with an image's progress, as the engine reports it, on a thread of the library's, which it must not block.
    public var onPullProgress: (@Sendable (ImagePullProgress) -> Void)?
    public var logger = Logger(label: "swift-sandbox")

    /// The defaults; see the properties.
    public init() {}

    /// The pool in force: with ``isPoolEnabled`` false no container is kept ready, and none is used twice.
    public var effectivePool: PoolConfiguration {
        if isPoolEnabled { return pool }
        var fresh = pool
        (fresh.minimum, fresh.maxUses, fresh.healthCheckInterval) = (0, 1, nil)
        return fresh
    }

    /// `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, as far as they are set.
    public var engineEnvironment: [String: String] {
        [
            "DOCKER_HOST": engineHost, "DOCKER_TLS_VERIFY": engineTLSVerify,
            "DOCKER_CERT_PATH": engineCertificates,
        ].compactMapValues { $0 }
    }

    /// - Throws: `.invalidArgument`, with the first invalid property.
    public func validate() throws(SandboxError) {
        try effectivePool.validate()
        func require(_ holds: Bool, _ message: String, _ hint: String) throws(SandboxError) {
            if !holds { throw SandboxError(.invalidArgument, message: message, hint: hint) }
        }
        try require(
            Self.isImageName(image), "the image is '\(image)'", "give a name such as 'cpp-runner:latest'")
        for (language, name) in images {
            try require(
                Self.isImageName(name), "the image for \(language) is '\(name)'",
                "give a name such as 'cpp-runner:latest'")
        }
        try require(
            reconcileInterval ?? .seconds(1) > .zero, "reconcileInterval is not more than 0",
            "give nil to reconcile at the start only")
        try require(
            runDeadlineGrace > .zero, "runDeadlineGrace is not more than 0",
            "give the time that a busy engine may take")
        try require(
            idlePatience > .zero, "idlePatience is not more than 0", "give some hundred milliseconds")
        try require(resetPatience > .zero, "resetPatience is not more than 0", "give some seconds")
        try engineTimeouts.validate()
    }

    /// Whether the text can be the name of an engine's image; whether that image exists only the engine
    /// knows.
    static func isImageName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 512 && !text.hasPrefix("-")
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
#endif
