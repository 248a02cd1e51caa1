/// Tests the circuit breaker: each transition, and random interleavings against a model.

#if Docker
import Sandbox
import TestSupport
import Testing

@testable import SandboxDocker
@testable import SandboxFallback

@Suite struct BreakerTests {
    private typealias Breaker = CircuitBreaker

    /// Threshold 3; pauses 1, 2, 4 and at most 5 s.
    private static let policy = CircuitBreaker.Policy(
        threshold: 3, initialPause: .seconds(1), maximumPause: .seconds(5))

    /// An event at a time, and the breaker's state after it.
    enum Step: Sendable {
        /// A request is let through (and its ticket is remembered as the newest), or not.
        case request(_ isLetThrough: Bool)
        /// The newest request's verdict; with a number, the one that was let through as that, from 0.
        case verdict(CircuitBreaker.Verdict, Int? = nil)
    }

    struct Story: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var steps: [(seconds: Int, step: Step, position: CircuitBreaker.Position)]

        init(_ name: String, _ steps: [(Int, Step, CircuitBreaker.Position)]) {
            testDescription = name
            self.steps = steps
        }
    }

    static let stories = [
        Story(
            "successes keep it closed",
            [
                (0, .request(true), .closed), (0, .verdict(.success), .closed),
                (0, .request(true), .closed),
            ]),
        Story(
            "fewer failures than the threshold keep it closed",
            [
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed),
            ]),
        Story(
            "a success between failures starts the count anew",
            [
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.success), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
            ]),
        Story(
            "the threshold opens it",
            [
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .open),
                (0, .request(false), .open),
            ]),
        Story(
            "one that nobody answered opens it at once",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (0, .request(false), .open),
            ]),
        Story(
            "what says nothing of the backend neither counts nor clears",
            [
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.none), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .closed),
                (0, .request(true), .closed), (0, .verdict(.failure), .open),
            ]),
        Story(
            "after the pause one probe is let through, and its success closes it",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (1, .request(true), .halfOpen), (1, .request(false), .halfOpen),
                (1, .verdict(.success), .closed), (1, .request(true), .closed),
            ]),
        Story(
            "a probe that fails opens it for twice as long, up to the maximum",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (1, .request(true), .halfOpen), (1, .verdict(.failure), .open),
                (2, .request(false), .open), (3, .request(true), .halfOpen),
                (3, .verdict(.unreachable), .open),
                (6, .request(false), .open), (7, .request(true), .halfOpen),
                (7, .verdict(.failure), .open),
                (11, .request(false), .open), (12, .request(true), .halfOpen),
                (12, .verdict(.failure), .open),
                (16, .request(false), .open), (17, .request(true), .halfOpen),
            ]),
        Story(
            "the pause is short again after it was closed",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (1, .request(true), .halfOpen), (1, .verdict(.failure), .open),
                (3, .request(true), .halfOpen), (3, .verdict(.success), .closed),
                (3, .request(true), .closed), (3, .verdict(.unreachable), .open),
                (4, .request(true), .halfOpen),
            ]),
        Story(
            "a probe that came to nothing makes the next request one",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (1, .request(true), .halfOpen), (1, .verdict(.none), .open),
                (1, .request(true), .halfOpen), (1, .verdict(.failure), .open),
                (2, .request(false), .open), (3, .request(true), .halfOpen),
            ]),
        Story(
            "a probe that is not heard of is followed by another, and then ignored",
            [
                (0, .request(true), .closed), (0, .verdict(.unreachable), .open),
                (1, .request(true), .halfOpen), (5, .request(false), .halfOpen),
                (6, .request(true), .halfOpen), (6, .verdict(.success, 1), .halfOpen),
                (6, .verdict(.success, 2), .closed),
            ]),
        Story(
            "verdicts of an earlier state are ignored",
            [
                (0, .request(true), .closed), (0, .request(true), .closed), (0, .request(true), .closed),
                (0, .verdict(.unreachable, 0), .open), (0, .verdict(.success, 1), .open),
                (0, .verdict(.unreachable, 2), .open),
                (1, .request(true), .halfOpen), (1, .verdict(.success, 1), .halfOpen),
                (1, .verdict(.failure, 2), .halfOpen), (1, .verdict(.success, 3), .closed),
            ]),
        Story(
            "time never goes back",
            [
                (9, .request(true), .closed), (3, .verdict(.unreachable), .open),
                (9, .request(false), .open), (10, .request(true), .halfOpen),
            ]),
    ]

    @Test(arguments: stories) func transitions(_ story: Story) throws {
        var breaker = CircuitBreaker(policy: Self.policy)
        var tickets: [CircuitBreaker.Ticket] = []
        for (index, (seconds, step, position)) in story.steps.enumerated() {
            switch step {
            case .request(let isLetThrough):
                let ticket = breaker.request(now: .seconds(seconds))
                #expect((ticket != nil) == isLetThrough, "step \(index)")
                if let ticket { tickets.append(ticket) }
            case .verdict(let verdict, let number):
                let ticket = try #require(number.map { tickets[$0] } ?? tickets.last)
                breaker.report(verdict, of: ticket, now: .seconds(seconds))
            }
            #expect(breaker.position == position, "step \(index)")
        }
    }

    /// No closed breaker refuses, no open one lets two requests through, and none stays open for longer than
    /// the maximum.
    @Test(arguments: 0..<300 as Range<UInt64>) func anyInterleaving(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let policy = CircuitBreaker.Policy(
            threshold: Int.random(in: 1...4, using: &random), initialPause: .seconds(1),
            maximumPause: .seconds(Int.random(in: 1...9, using: &random)))
        var breaker = CircuitBreaker(policy: policy)
        var now = Duration.zero
        var underWay: [CircuitBreaker.Ticket] = []
        var probes: [(ticket: CircuitBreaker.Ticket, time: Duration)] = []
        var refusedSince: Duration?
        for _ in 0..<400 {
            let before = breaker.position
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let ticket = breaker.request(now: now)
                if before == .closed {
                    #expect(
                        ticket != nil && breaker.position == .closed, "seed \(seed): refused while closed"
                    )
                } else if let ticket {
                    #expect(breaker.position == .halfOpen, "seed \(seed): let through as no probe")
                    let last = probes.last
                    #expect(
                        before == .open || now - (last?.time ?? now) >= policy.maximumPause,
                        "seed \(seed): a second probe")
                    probes.append((ticket, now))
                }
                if let ticket {
                    underWay.append(ticket)
                    refusedSince = nil
                } else {
                    refusedSince = refusedSince ?? now
                    #expect(now - refusedSince! < policy.maximumPause, "seed \(seed): refuses for ever")
                }
            case 4..<9:
                guard let index = underWay.indices.randomElement(using: &random) else { continue }
                let ticket = underWay.remove(at: index)
                let all: [CircuitBreaker.Verdict] = [.success, .failure, .unreachable, .none]
                let verdict = all.randomElement(using: &random)!
                breaker.report(verdict, of: ticket, now: now)
                let after = breaker.position
                let isProbe = probes.last?.ticket == ticket
                switch (before, after) {
                case (.halfOpen, .closed):
                    #expect(isProbe && verdict == .success, "seed \(seed): closed without proof")
                case (.halfOpen, .open):
                    #expect(
                        isProbe && verdict != .success, "seed \(seed): opened by another than the probe")
                    refusedSince = nil
                case (.closed, .open):
                    #expect(
                        verdict == .failure || verdict == .unreachable, "seed \(seed): opened for nothing"
                    )
                    refusedSince = nil
                default: #expect(before == after, "seed \(seed): \(before) to \(after)")
                }
                if before == .closed, verdict == .unreachable,
                    !probes.contains(where: { $0.ticket == ticket })
                {
                    // Only a ticket of an earlier closed state may be ignored.
                    #expect(after == .open || isOutdated(ticket, in: breaker, now), "seed \(seed)")
                }
            default:
                now += .milliseconds(Int.random(in: 0...2_000, using: &random))
            }
        }
    }

    /// Whether the breaker ignores every verdict with this ticket.
    private func isOutdated(
        _ ticket: CircuitBreaker.Ticket, in breaker: CircuitBreaker, _ now: Duration
    ) -> Bool {
        var copy = breaker
        copy.report(.unreachable, of: ticket, now: now)
        return copy.position == .closed
    }

    static let badPolicies = [
        CircuitBreaker.Policy(threshold: 0), CircuitBreaker.Policy(initialPause: .zero),
        CircuitBreaker.Policy(initialPause: .seconds(2), maximumPause: .seconds(1)),
    ]

    @Test(arguments: badPolicies) func refusesPolicies(_ policy: CircuitBreaker.Policy) throws {
        let error = #expect(throws: SandboxError.self) { try policy.validate() }
        #expect(error?.code == .invalidArgument && error?.hint != nil)
        try CircuitBreaker.Policy().validate()
    }
}

@Suite struct BreakerBoardTests {
    private let policy = CircuitBreaker.Policy(threshold: 2, initialPause: .seconds(1))
    private let gone = BreakerBoard.Cause(code: .imageUnavailable, text: "no such image")
    private let down = BreakerBoard.Cause(code: .backendUnavailable, text: "nobody answers")

    private func pass(_ board: inout BreakerBoard, _ image: String, _ seconds: Int) -> BreakerBoard.Pass? {
        guard case .first(let pass) = board.request(image: image, now: .seconds(seconds)) else {
            return nil
        }
        return pass
    }

    private func mustPass(
        _ board: inout BreakerBoard, _ image: String, _ seconds: Int
    ) throws -> BreakerBoard.Pass {
        let pass = pass(&board, image, seconds)
        return try #require(pass)
    }

    private func cause(_ board: inout BreakerBoard, _ image: String, _ seconds: Int) -> BreakerBoard
        .Cause?
    {
        guard case .second(let cause) = board.request(image: image, now: .seconds(seconds)) else {
            return nil
        }
        return cause
    }

    @Test func imagesAreKnownByTheirBytes() throws {
        var board = BreakerBoard(policy: policy)
        board.failed(try mustPass(&board, "\u{e9}.tar", 0), .image, gone, now: .zero)
        #expect(cause(&board, "\u{e9}.tar", 0) == gone)
        #expect(pass(&board, "e\u{301}.tar", 0) != nil)
    }

    @Test func aMissingImageIsNotTriedAgainButOthersAre() throws {
        var board = BreakerBoard(policy: policy)
        board.failed(try mustPass(&board, "a", 0), .image, gone, now: .zero)
        board.failed(try mustPass(&board, "b", 0), .image, gone, now: .zero)
        #expect(cause(&board, "a", 0) == gone && board.position == .closed)
        #expect(pass(&board, "c", 0) != nil)
        // After the pause one try is let through, and after its success the image has no breaker any more.
        let probe = try mustPass(&board, "a", 1)
        #expect(cause(&board, "a", 1) == gone)
        board.succeeded(probe, now: .seconds(1))
        #expect(pass(&board, "a", 1) != nil && board.imageCount == 1)
    }

    @Test func anUnreachableBackendIsSoForAllImages() throws {
        var board = BreakerBoard(policy: policy)
        board.failed(try mustPass(&board, "a", 0), .unreachable, down, now: .zero)
        #expect(cause(&board, "a", 0) == down && cause(&board, "b", 0) == down)
        let probe = try mustPass(&board, "b", 1)
        #expect(cause(&board, "a", 1) == down)
        board.succeeded(probe, now: .seconds(1))
        #expect(pass(&board, "a", 1) != nil && board.position == .closed)
    }

    @Test func aProbeThatFindsNoImageLeavesTheBackendToTheNext() throws {
        var board = BreakerBoard(policy: policy)
        board.failed(try mustPass(&board, "a", 0), .unreachable, down, now: .zero)
        board.failed(try mustPass(&board, "a", 1), .image, gone, now: .seconds(1))
        #expect(cause(&board, "a", 1) == gone)
        let probe = try mustPass(&board, "b", 1)
        board.succeeded(probe, now: .seconds(1))
        #expect(board.position == .closed)
    }

    @Test func anImageRefusedByTheBackendsBreakerKeepsItsProbe() throws {
        var board = BreakerBoard(policy: policy)
        let healthy = try mustPass(&board, "b", 0)
        board.failed(try mustPass(&board, "a", 0), .image, gone, now: .zero)
        board.failed(healthy, .unreachable, down, now: .milliseconds(500))
        #expect(cause(&board, "a", 1) == down)
        #expect(pass(&board, "a", 2) != nil)
    }

    @Test func imagesAreBounded() throws {
        var board = BreakerBoard(policy: policy, maximumImages: 3)
        for number in 0..<10 {
            board.failed(try mustPass(&board, "\(number)", 0), .image, gone, now: .zero)
        }
        #expect(board.imageCount == 3)
        #expect(cause(&board, "9", 0) == gone && pass(&board, "6", 0) != nil)
    }
}
#endif
