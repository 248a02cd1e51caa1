/// The addresses of the tests' private engine and registry.

#if Docker
import Foundation

/// The services that `scripts/engines/docker-tests.sh` starts for these tests; each property is the value of an
/// environment variable.
enum EngineWorld {
    /// `SANDBOX_TEST_ENGINE`: a Docker Engine of the tests' own, as in `DOCKER_HOST`. It has the images `cpp-runner`,
    /// `python-runner`, and without a shell `sandbox-test/static` and `sandbox-test/musl`.
    static let engine = variable("SANDBOX_TEST_ENGINE")
    /// `SANDBOX_TEST_ENGINE_DIR`: that engine's folder, the last argument of the script.
    static let engineDirectory = variable("SANDBOX_TEST_ENGINE_DIR")
    /// `SANDBOX_TEST_ENGINE_SCRIPT`: `scripts/engines/engine.sh`; see `EngineControl`.
    static let engineScript = variable("SANDBOX_TEST_ENGINE_SCRIPT")
    /// `SANDBOX_TEST_PODMAN`: Podman's API service, as in `DOCKER_HOST`. It has the same images but `python-runner`.
    static let podman = variable("SANDBOX_TEST_PODMAN")
    /// `SANDBOX_TEST_REGISTRY`: a registry on the loopback, as host:port. It has `sandbox-test/static` and
    /// `sandbox-test/musl`.
    static let registry = variable("SANDBOX_TEST_REGISTRY")
    /// `SANDBOX_TEST_IMAGES`: the folder of the archives for `docker load`: `cpp-runner.docker.tar`,
    /// `python-runner.docker.tar`, `static.docker.tar` and `musl.docker.tar`.
    static let images = variable("SANDBOX_TEST_IMAGES")

    private static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
}
#endif
