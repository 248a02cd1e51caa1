/// Which errors are a backend's fault, so that another backend may do better.

#if Docker
    import Sandbox

    /// A failure of the backend, not of what was asked of it.
    enum BackendFailure: Sendable, Hashable {
        /// Nobody answers.
        case unreachable
        /// It answered that it will not, or lost what it had.
        case broken
        /// It works, but does not have this image.
        case image

        /// `nil` for what another backend would say as well: bad arguments, limits, cancellation, shutdown, and
        /// whatever the program or its files are at fault for.
        init?(_ error: SandboxError) {
            switch error.code {
            case .backendUnavailable: self = .unreachable
            case .engineRefused, .supervisorLost, .containerLost: self = .broken
            case .imageUnavailable: self = .image
            default: return nil
            }
        }

        /// The codes above: the only values of the metrics' label `reason`.
        static let codes: [SandboxError.Code] = [
            .backendUnavailable, .engineRefused, .supervisorLost, .containerLost, .imageUnavailable,
        ]
    }
#endif
