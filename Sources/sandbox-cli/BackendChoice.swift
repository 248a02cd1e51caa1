/// Turns `--backend` into a backend: the one place to change when another backend comes.

#if CLI
    import ArgumentParser
    import Glibc
    import Sandbox

    enum BackendChoice: String, ExpressibleByArgument, CaseIterable {
        case local, docker, auto

        /// The backend that a choice led to.
        struct Made {
            var backend: any SandboxBackend
            var kind: BackendKind
            /// Why the first choice of `auto` was not used.
            var fallbackReason: String?
        }

        static let dockerMissing = "the Docker backend is not part of this version"

        /// Makes the backend.
        func make() throws(SandboxError) -> Made {
            switch self {
            case .local: return Made(backend: Self.local(), kind: .local)
            case .auto: return Made(backend: Self.local(), kind: .local, fallbackReason: Self.dockerMissing)
            case .docker:
                throw SandboxError(
                    SandboxError.Code(rawValue: "backendUnavailable"), message: Self.dockerMissing,
                    hint: "use `--backend local`, or `--backend auto` to have it chosen")
            }
        }

        /// Nothing is prepared ahead. The second sandbox is for a program while its compiler's is destroyed.
        private static func local() -> any SandboxBackend {
            var configuration = LocalBackend.Configuration(minimum: 0, maximum: 2)
            // This process is ours alone.
            configuration.adoptCgroup = true
            return LocalBackend(configuration)
        }

        /// Says in a backend's own provenance what was asked of this command.
        func complete(_ provenance: Provenance, fallbackReason: String?) -> Provenance {
            var complete = provenance
            complete.requested = rawValue
            if complete.fallbackReason == nil { complete.fallbackReason = fallbackReason }
            return complete
        }

        /// Who answers when no backend did.
        func unanswered(image: String, fallbackReason: String? = nil) -> Provenance {
            Provenance(
                kind: self == .docker ? .docker : .local, requested: rawValue, fallbackReason: fallbackReason,
                instance: "", sandbox: "", image: image, hostPID: getpid())
        }
    }
#endif
