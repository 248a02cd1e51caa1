/// Turns `--backend` into a backend: the one place to extend for another backend.

#if CLI
import ArgumentParser
import Glibc
import Sandbox

#if Docker
import SandboxDocker
#endif

enum BackendChoice: String, ExpressibleByArgument, CaseIterable {
    case local, docker, auto

    /// The backend made for a choice.
    struct Made {
        var backend: any SandboxBackend
        /// Why `auto` did not use its first choice, where that is known before any run.
        var fallbackReason: String?
    }

    /// The purpose of the backend.
    enum Use: Equatable {
        /// One run: nothing is kept ready.
        case oneRun
        /// Many runs, so many tests at a time: each has a sandbox for a submission, and one for what judges it.
        case judge(jobs: Int)
        /// A pool, as the environment configures it.
        case pool
    }

    /// Makes the backend.
    ///
    /// - Parameter environment: the process's variables; see `DockerConfiguration.init(environment:)`.
    func make(for use: Use, environment: [String: String]) throws(SandboxError) -> Made {
        if self == .local { return Made(backend: try Self.local(use, environment)) }
        #if Docker
        let docker = try DockerChoice(use, environment)
        if self == .docker { return Made(backend: try docker.backend()) }
        return try docker.fallingBack(to: try Self.local(use, environment))
        #else
        if self == .auto {
            return Made(
                backend: try Self.local(use, environment), fallbackReason: Self.dockerMissing)
        }
        throw SandboxError(
            .backendUnavailable, message: Self.dockerMissing,
            hint: "use `--backend local`, or `--backend auto` to have it chosen")
        #endif
    }

    #if !Docker
    static let dockerMissing = "the Docker backend is not part of this version"
    #endif

    private static func local(
        _ use: Use, _ environment: [String: String]
    ) throws(SandboxError) -> any SandboxBackend {
        // While a compiler's sandbox is destroyed, the program needs a second one.
        var configuration = LocalBackend.Configuration(minimum: 0, maximum: 2)
        if case .judge(let jobs) = use { configuration.pool.maximum = 2 * jobs }
        #if Docker
        if use == .pool {
            configuration.pool = try DockerConfiguration(environment: environment).pool
        }
        #endif
        // The command's own process may be moved into another cgroup.
        configuration.adoptCgroup = true
        configuration.onProgress = TerminalProgress.observer
        return LocalBackend(configuration)
    }

    /// Adds to a backend's provenance which backend the command line requested.
    func complete(_ provenance: Provenance, fallbackReason: String?) -> Provenance {
        var complete = provenance
        complete.requested = rawValue
        if complete.fallbackReason == nil { complete.fallbackReason = fallbackReason }
        return complete
    }

    /// The provenance when no backend answered.
    func unanswered(image: String, fallbackReason: String? = nil) -> Provenance {
        Provenance(
            kind: self == .docker ? .docker : .local, requested: rawValue, fallbackReason: fallbackReason,
            instance: "", sandbox: "", image: image, hostPID: getpid())
    }
}
#endif
