/// Classifies errors: which are a backend's fault, so that another backend may succeed.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// A failure of the backend itself, not of the request.
enum BackendFailure: Sendable, Hashable {
    /// The backend does not answer.
    case unreachable
    /// The backend answered that it refuses, or it lost the sandbox.
    case broken
    /// The backend works, but does not have this image.
    case image
    /// The backend works, but lacks what this sandbox needs: its level, its root, its memory limit, a program
    /// of its image.
    case incapable

    /// - Returns: `nil` for an error that another backend would give as well: bad arguments, limits,
    ///   cancellation, shutdown, and everything that the program or its files cause.
    ///   ``FallbackBackend/shortcoming(_:)`` checks earlier for a limit below the first backend's least that
    ///   the second one can hold.
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
