/// Which errors are a backend's fault, so that another backend may do better.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// A failure of the backend, not of what was asked of it.
enum BackendFailure: Sendable, Hashable {
    /// Nobody answers.
    case unreachable
    /// It answered that it will not, or lost what it had.
    case broken
    /// It works, but does not have this image.
    case image
    /// It works, and is not what this sandbox needs: its level, its roots, its least memory, the programs of its own image.
    case incapable

    /// `nil` for what another backend would say as well: bad arguments, limits, cancellation, shutdown, and
    /// whatever the program or its files are at fault for. A limit below the first backend's least, which the second one
    /// can hold, is looked at before: ``FallbackBackend/shortcoming(_:)``.
    init?(_ error: SandboxError) {
        switch error.code {
        case .backendUnavailable: self = .unreachable
        case .engineRefused, .supervisorLost, .containerLost, .acquireTimedOut, .hostOutOfDisk:
            self = .broken
        case .imageUnavailable: self = .image
        case .isolationUnavailable, .writableRootfsUnavailable, .executableNotFound: self = .incapable
        default: return nil
        }
    }

    /// The codes above: the only values of the metrics' label `reason`.
    static let codes: [SandboxError.Code] = [
        .backendUnavailable, .engineRefused, .supervisorLost, .containerLost, .acquireTimedOut,
        .hostOutOfDisk, .imageUnavailable, .isolationUnavailable, .writableRootfsUnavailable,
        .executableNotFound,
        .invalidLimit,
    ]
}
#endif
