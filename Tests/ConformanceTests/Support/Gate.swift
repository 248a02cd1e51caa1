// How many tests run at one time: enough to keep the processors busy, and exactly one if it measures time.
import Foundation
import Testing

extension Trait where Self == Gated {
    /// Lets the suite's tests run beside others, up to a number at a time.
    static var shared: Self { Gated(isExclusive: false) }
    /// Lets each of the suite's tests run alone in this module.
    static var exclusive: Self { Gated(isExclusive: true) }
}

/// The trait that takes each test through the ``Gate``.
struct Gated: SuiteTrait, TestTrait, TestScoping {
    let isExclusive: Bool
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let places = isExclusive ? Gate.capacity : 1
        await Gate.shared.enter(places)
        let result: Result<Void, any Error>
        do { result = .success(try await function()) } catch { result = .failure(error) }
        await Gate.shared.leave(places)
        try result.get()
    }
}

/// A counting semaphore, first come first served.
actor Gate {
    static let capacity = max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)
    static let shared = Gate()

    private var free = Gate.capacity
    private var waiting: [(places: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(_ places: Int) async {
        if waiting.isEmpty, free >= places {
            free -= places
            return
        }
        await withCheckedContinuation { waiting.append((places, $0)) }
    }

    func leave(_ places: Int) {
        free += places
        while let first = waiting.first, free >= first.places {
            free -= first.places
            waiting.removeFirst().continuation.resume()
        }
    }
}

extension TimeLimitTrait.Duration {
    /// More time than any test of this module needs; waiting for the ``Gate`` counts.
    static var patient: Self { .minutes(isEmulated ? 90 : 5) }
}
