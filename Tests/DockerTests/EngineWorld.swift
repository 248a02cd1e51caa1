/// Where the tests' private engine is.

#if Docker
    import Foundation

    /// What `scripts/test.sh` starts for these tests; each is the value of an environment variable.
    enum EngineWorld {
        /// `SANDBOX_TEST_ENGINE`: a Docker Engine of the tests' own, as in `DOCKER_HOST`.
        static let engine = ProcessInfo.processInfo.environment["SANDBOX_TEST_ENGINE"]
        /// `SANDBOX_TEST_PODMAN`: Podman's API service, as in `DOCKER_HOST`.
        static let podman = ProcessInfo.processInfo.environment["SANDBOX_TEST_PODMAN"]
        /// `SANDBOX_TEST_REGISTRY`: a registry on the loopback, as host:port.
        static let registry = ProcessInfo.processInfo.environment["SANDBOX_TEST_REGISTRY"]
    }
#endif
