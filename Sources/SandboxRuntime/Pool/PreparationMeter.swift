/// Reports a preparation to whoever wants to know, and not too often.

package import SandboxAPI
import Synchronization

/// One preparation. Its methods may be called from any thread; after ``finish()`` they report nothing.
package final class PreparationMeter: Sendable {
    package typealias Observer = @Sendable (PreparationProgress) -> Void

    /// The least time between two reports of one step.
    private static let pause = Duration.milliseconds(50)
    private static let count = Atomic<Int>(0)

    private struct State {
        var step: PreparationProgress.Step?
        var done = 0
        var total: Int?
        var reported: ContinuousClock.Instant?
        var isFinished = false
    }

    private let number = PreparationMeter.count.add(1, ordering: .relaxed).newValue
    private let image: String
    private let observer: Observer
    private let state = Locked(State())

    /// - Returns: `nil` without an observer.
    package init?(_ image: String, _ observer: Observer?) {
        guard let observer else { return nil }
        self.image = image
        self.observer = observer
    }

    /// Goes on to a step, and reports that at once.
    package func begin(_ step: PreparationProgress.Step, total: Int? = nil) {
        change(always: true) { ($0.step, $0.done, $0.total) = (step, 0, total) }
    }

    /// Counts bytes of the step.
    package func advance(_ bytes: Int) { change { $0.done += bytes } }

    /// Sets the bytes of the step.
    package func set(done: Int, total: Int?) { change { ($0.done, $0.total) = (done, total) } }

    package func finish() { change(always: true) { $0.isFinished = true } }

    /// The observer is called under no lock; two threads of one preparation may report at the same time.
    private func change(always: Bool = false, _ body: (inout State) -> Void) {
        let report = state.withLock { state -> PreparationProgress? in
            if state.isFinished { return nil }
            body(&state)
            guard let step = state.step else { return nil }
            let now = ContinuousClock.now
            if !always, let reported = state.reported, now - reported < Self.pause { return nil }
            state.reported = now
            return PreparationProgress(
                preparation: number, step: step, image: image,
                completedBytes: min(state.done, state.total ?? .max), totalBytes: state.total,
                isFinished: state.isFinished)
        }
        if let report { observer(report) }
    }
}
