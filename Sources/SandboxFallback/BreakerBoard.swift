/// The breakers of a fallback: one for its first backend, and one for each image that the first backend
/// lacked.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Decides whether a request goes to the first backend. Pure, as the breakers are.
///
/// A missing image opens only its own breaker. The number of these is bounded: beyond it the board forgets
/// the one that failed longest ago, which costs one more try.
struct BreakerBoard: Sendable {
    /// Why the first backend is not, or was not, used.
    struct Cause: Sendable, Hashable {
        var code: SandboxError.Code
        /// The reason as text, for people.
        var text: String
    }

    struct Pass: Sendable {
        fileprivate var backend: CircuitBreaker.Ticket
        fileprivate var image: CircuitBreaker.Ticket?
        fileprivate var name: ByteString
    }

    enum Decision: Sendable {
        case first(Pass)
        case second(Cause)
    }

    private struct Entry {
        var breaker: CircuitBreaker
        var cause: Cause?
    }

    private var backend: Entry
    private var images: [ByteString: Entry] = [:]
    /// The images, the one that failed longest ago first.
    private var order: [ByteString] = []
    private let maximumImages: Int

    init(policy: CircuitBreaker.Policy, maximumImages: Int = 64) {
        backend = Entry(breaker: CircuitBreaker(policy: policy))
        self.maximumImages = maximumImages
    }

    var position: CircuitBreaker.Position { backend.breaker.position }
    /// Images that have a breaker of their own. For tests.
    var imageCount: Int { images.count }

    mutating func request(image: String, now: Duration) -> Decision {
        let name = ByteString(image)
        var ticket: CircuitBreaker.Ticket?
        if var entry = images[name] {
            ticket = entry.breaker.request(now: now)
            images[name] = entry
            if ticket == nil, let cause = entry.cause { return .second(cause) }
        }
        guard let pass = backend.breaker.request(now: now) else {
            if let ticket { images[name]?.breaker.report(.none, of: ticket, now: now) }
            return .second(backend.cause ?? Cause(code: .backendUnavailable, text: "it failed before"))
        }
        return .first(Pass(backend: pass, image: ticket, name: name))
    }

    mutating func succeeded(_ pass: Pass, now: Duration) {
        backend.breaker.report(.success, of: pass.backend, now: now)
        // An image that is available again needs no breaker.
        if pass.image != nil { forget(pass.name) }
    }

    /// The request ended without evidence for or against the backend.
    mutating func ended(_ pass: Pass, now: Duration) {
        backend.breaker.report(.none, of: pass.backend, now: now)
        if let ticket = pass.image { images[pass.name]?.breaker.report(.none, of: ticket, now: now) }
    }

    mutating func failed(_ pass: Pass, _ failure: BackendFailure, _ cause: Cause, now: Duration) {
        switch failure {
        case .incapable:
            ended(pass, now: now)
        case .image:
            // The image's absence is no verdict on the backend, whether or not the backend itself reported
            // it.
            backend.breaker.report(.none, of: pass.backend, now: now)
            imageFailed(pass, cause, now: now)
        case .unreachable, .broken:
            let verdict = failure == .unreachable ? CircuitBreaker.Verdict.unreachable : .failure
            backend.breaker.report(verdict, of: pass.backend, now: now)
            backend.cause = cause
            if let ticket = pass.image { images[pass.name]?.breaker.report(.none, of: ticket, now: now) }
        }
    }

    private mutating func imageFailed(_ pass: Pass, _ cause: Cause, now: Duration) {
        var entry = images[pass.name] ?? Entry(breaker: CircuitBreaker(policy: backend.breaker.policy))
        if let ticket = pass.image ?? entry.breaker.request(now: now) {
            entry.breaker.report(.unreachable, of: ticket, now: now)
        }
        entry.cause = cause
        order.removeAll { $0 == pass.name }
        order.append(pass.name)
        images[pass.name] = entry
        if order.count > maximumImages, let oldest = order.first { forget(oldest) }
    }

    private mutating func forget(_ image: ByteString) {
        images[image] = nil
        order.removeAll { $0 == image }
    }
}
#endif
