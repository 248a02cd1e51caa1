/// Tests when the line of progress is shown, what it says, and when it goes.

#if CLI
import Sandbox
import SandboxAPI
import Testing

@testable import SandboxCLI

@Suite struct ProgressLineTests {
    private let start = ContinuousClock.now

    private func progress(
        _ step: PreparationProgress.Step = .unpacking, _ image: String = "a.tar", number: Int = 1,
        done: Int = 0, total: Int? = nil, isFinished: Bool = false
    ) -> PreparationProgress {
        PreparationProgress(
            preparation: number, step: step, image: image, completedBytes: done, totalBytes: total,
            isFinished: isFinished)
    }

    private func after(_ milliseconds: Int) -> ContinuousClock.Instant {
        start + .milliseconds(milliseconds)
    }

    @Test func aShortPreparationShowsNothing() {
        var line = ProgressLine()
        let actions = [
            line.report(progress(), at: start), line.tick(at: after(499), columns: 80),
            line.report(progress(isFinished: true), at: after(499)),
            line.tick(at: after(9000), columns: 80),
        ]
        #expect(actions == [.nothing, .nothing, .nothing, .nothing])
        #expect(line.isIdle)
    }

    @Test func aLongOneIsShownAndErased() {
        let megabyte = 1 << 20
        var line = ProgressLine()
        let actions = [
            line.report(progress(done: 0, total: 4 * megabyte), at: start),
            line.report(progress(done: megabyte, total: 4 * megabyte), at: after(300)),
            line.tick(at: after(500), columns: 80),
            line.tick(at: after(600), columns: 80),  // nothing is drawn twice
            line.report(progress(isFinished: true), at: after(700)),
            line.tick(at: after(800), columns: 80),
            // The next one has its own delay.
            line.report(progress(number: 2), at: after(900)),
            line.tick(at: after(1399), columns: 80),
            line.tick(at: after(1400), columns: 80),
        ]
        #expect(
            actions == [
                .nothing, .nothing, .draw("sandbox: unpacking a.tar: 25% of 4 MiB"), .nothing, .erase,
                .nothing, .nothing, .nothing, .draw("sandbox: unpacking a.tar (0 s)"),
            ])
    }

    /// Steps of one preparation make one wait.
    @Test func stepsFollowOneAnother() {
        var line = ProgressLine()
        _ = line.report(progress(.reading), at: start)
        _ = line.report(progress(.waiting), at: after(400))
        let action = line.tick(at: after(1500), columns: 80)
        #expect(action == .draw("sandbox: waiting for another process that unpacks a.tar (1 s)"))
    }

    @Test func severalAtATime() {
        var line = ProgressLine()
        let actions = [
            line.report(progress(.starting, "x", number: 1), at: start),
            line.report(progress(.starting, "y", number: 2), at: after(100)),
            line.tick(at: after(1000), columns: 80),
            line.report(progress(.starting, "y", number: 2, isFinished: true), at: after(1100)),
            line.tick(at: after(1200), columns: 80),
            line.report(progress(.starting, "x", number: 1, isFinished: true), at: after(1300)),
        ]
        #expect(
            actions == [
                .nothing, .nothing, .draw("sandbox: starting a container of y (0 s)"), .nothing,
                .draw("sandbox: starting a container of x (1 s)"), .erase,
            ])
    }

    @Test(arguments: [(20, "sandbox: unpacking "), (12, "sandbox: un"), (1, ""), (0, "")])
    func itNeverWraps(columns: Int, text: String) {
        var line = ProgressLine()
        _ = line.report(progress(), at: start)
        let action = line.tick(at: after(600), columns: columns)
        #expect(action == .draw(text))
    }

    @Test func wideCharacters() {
        var line = ProgressLine()
        _ = line.report(progress(.unpacking, "図図図図"), at: start)
        let action = line.tick(at: after(600), columns: 24)
        #expect(action == .draw("sandbox: unpacking 図図"))
    }

    @Test func hostileNames() {
        let text = ProgressLine.text(progress(.pulling, "x\u{1B}[2J\r\n", total: 0), for: .seconds(3))
        #expect(text == #"the engine pulls x\u{1B}[2J\u{D}\u{A} (3 s)"#)
    }
}
#endif
