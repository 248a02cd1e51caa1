/// Records whether a run's stdin can be given a second time.

#if Fallback
import SandboxAPI
import SandboxRuntime
import Synchronization

/// Whether a run has taken anything from its stdin that cannot be read again.
final class InputGuard: Sendable {
    let guarded: StandardInput
    private let mark: Mark

    private final class Mark: Sendable {
        let wasRead = Atomic<Bool>(false)
    }

    var wasRead: Bool { mark.wasRead.load(ordering: .acquiring) }

    init(_ stdin: StandardInput) {
        let mark = Mark()
        self.mark = mark
        switch stdin {
        case .none, .bytes, .file: guarded = stdin
        case .stream(let stream):
            guarded = .stream(
                InputChunks { body in
                    // From the first request on, a chunk may be on its way to a run that has failed
                    // meanwhile.
                    mark.wasRead.store(true, ordering: .releasing)
                    try await stream.send(to: body)
                })
        }
    }
}
#endif
