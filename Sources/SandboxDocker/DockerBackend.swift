/// PLACEHOLDER, to be replaced by the Docker backend: a backend that says it is not there yet.

#if Docker
    import Sandbox

    /// Sandboxes made of containers of a Docker Engine.
    public final class DockerBackend: SandboxBackend {
        public let configuration: DockerConfiguration

        /// - Throws: `.invalidArgument` if the configuration makes no sense. Nothing is connected to yet.
        public init(configuration: DockerConfiguration) throws(SandboxError) {
            try configuration.validate()
            self.configuration = configuration
        }

        public var capabilities: BackendCapabilities {
            BackendCapabilities(
                kind: .docker, rootfsModes: [.readOnly, .writable], minimumMemory: 6 << 20,
                memoryResolution: 1 << 20, wallTimeTolerance: .milliseconds(500),
                cpuTimeTolerance: .milliseconds(500), layers: [], level: .standard)
        }

        public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxInstance {
            throw Self.missing
        }

        public var statistics: PoolStatistics { PoolStatistics() }

        public func shutdown() async {}

        /// For `sandbox doctor`: what the engine says of itself, in a line.
        public static func probe(_ configuration: DockerConfiguration) async throws(SandboxError) -> String {
            throw missing
        }

        /// For `sandbox cleanup`: removes what dead owners left in the engine.
        ///
        /// - Returns: what was removed.
        public static func cleanup(_ configuration: DockerConfiguration) async throws(SandboxError)
            -> [String]
        {
            throw missing
        }

        private static var missing: SandboxError {
            SandboxError(
                .backendUnavailable, message: "the Docker backend is not part of this version",
                hint: "use the local backend")
        }
    }
#endif
