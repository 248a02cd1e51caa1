/// The command's use of Docker: makes the backend, falls back from it, checks the engine, cleans up in it.

#if CLI && Docker
import Glibc
import Logging
import Sandbox
import SandboxDocker
import SandboxFallback
import Synchronization
import SandboxRuntime

struct DockerChoice {
    private let configuration: DockerConfiguration

    /// - Throws: `.invalidArgument` if a variable of the environment is not acceptable.
    init(_ use: BackendChoice.Use, _ environment: [String: String]) throws(SandboxError) {
        var configuration = try DockerConfiguration(environment: environment)
        // The command reports in its own words.
        configuration.logger = .silent
        configuration.onProgress = TerminalProgress.observer
        if use != .pool { configuration.pool.minimum = 0 }
        if case .judge(let jobs) = use { configuration.pool.maximum = 2 * jobs }
        self.configuration = configuration
    }

    func backend() throws(SandboxError) -> any SandboxBackend {
        try DockerBackend(configuration: configuration)
    }

    /// Uses Docker where it works, else the given backend, and reports the reason on stderr.
    ///
    /// An invalid address throws only where Docker is the requested backend, not where it is the first choice
    /// of `auto`.
    func fallingBack(to second: any SandboxBackend) throws(SandboxError) -> BackendChoice.Made {
        let first: any SandboxBackend
        do throws(SandboxError) {
            first = try backend()
        } catch {
            guard error.code == .invalidArgument else { throw error }
            return BackendChoice.Made(backend: second, fallbackReason: error.message)
        }
        let said = Mutex<Set<String>>([])
        var configuration = FallbackBackend.Configuration()
        configuration.logger = .silent
        configuration.onFallback = { event in
            let line =
                event.isRetry
                ? "docker lost the run: \(event.reason); running it again locally"
                : "docker is not used: \(event.reason); running locally"
            // A run with a compilation has two sandboxes; the reason is printed once.
            guard said.withLock({ $0.insert(line).inserted }) else { return }
            _ = StandardStreams.writeAll(Array("sandbox: \(line)\n".utf8), to: STDERR_FILENO)
        }
        return BackendChoice.Made(
            backend: try FallbackBackend(primary: first, secondary: second, configuration))
    }

    // MARK: doctor and cleanup

    /// The line `docker` of `sandbox doctor`: the engine's version and the layers of a test container, or the
    /// reason why there is none. A missing image is reported, and not pulled.
    static func doctorEntry(_ environment: [String: String]) async -> HostReport.Entry {
        do throws(SandboxError) {
            var configuration = try DockerChoice(.oneRun, environment).configuration
            configuration.pullPolicy = .never
            let answer = try await DockerBackend.probe(configuration)
            let backend = try DockerBackend(configuration: configuration)
            do throws(SandboxError) {
                let sandbox = try await backend.acquire(SandboxOptions(isolation: .minimal))
                let level = sandbox.isolation.level
                await sandbox.close()
                await backend.shutdown()
                return HostReport.Entry(
                    name: "docker", isAvailable: true, detail: "\(answer); level \(level.rawValue)")
            } catch {
                await backend.shutdown()
                guard error.code == .imageUnavailable else { throw error }
                return HostReport.Entry(
                    name: "docker", isAvailable: true,
                    detail:
                        "\(answer); not tried: \(error.message); load the image \(configuration.image), or "
                        + "name another one in SANDBOX_IMAGE")
            }
        } catch {
            return HostReport.Entry(
                name: "docker", isAvailable: false, detail: error.message,
                mend: error.hint ?? "start a Docker Engine, or say in DOCKER_HOST where it is")
        }
    }

    /// Removes what dead owners left in the engine; does nothing where this user has no engine.
    ///
    /// - Throws: also when there is an engine that does not answer: it may have leftovers.
    static func cleanUp(_ environment: [String: String]) async throws(SandboxError)
        -> DockerBackend.Cleanup
    {
        let configuration = try DockerChoice(.oneRun, environment).configuration
        guard hasEngine(configuration) else { return DockerBackend.Cleanup() }
        return try await DockerBackend.cleanup(configuration)
    }

    /// Whether the environment names an engine, or this user may open the usual socket. A missing socket
    /// means that no engine has run since this host started; an engine that does not answer is an error.
    private static func hasEngine(_ configuration: DockerConfiguration) -> Bool {
        guard let text = configuration.engineHost else {
            return access(DockerConfiguration.usualSocket, R_OK | W_OK) == 0
        }
        // Connecting says what is wrong with a text that is no address.
        guard let host = try? EngineHost(parsing: text, called: "DOCKER_HOST", wantsTLS: false),
            case .unix(let path) = host.endpoint
        else { return true }
        return access(path, F_OK) == 0
    }
}
#endif
