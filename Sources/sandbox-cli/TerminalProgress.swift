/// Draws the line of progress on stderr, if that is a terminal.

#if CLI
import Dispatch
import Glibc
import Sandbox
import SandboxRuntime

/// The progress line of this process. It is erased when the last preparation ends, which is before the program
/// starts and before an error is reported, so the line never mixes with other output.
final class TerminalProgress: Sendable {
    private static let period = DispatchTimeInterval.milliseconds(100)
    /// To the line's beginning, and everything behind it erased.
    static let erase = "\r\u{1B}[K"

    private struct State {
        var line = ProgressLine()
        var timer: (any DispatchSourceTimer)?
    }

    private let state = Locked(State())

    /// One line for all backends of the process.
    private static let own = TerminalProgress()

    /// Whether stderr is a terminal that knows how to erase a line.
    static var isPossible: Bool {
        let kind = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        return isatty(STDERR_FILENO) == 1 && kind != "dumb" && !kind.isEmpty
    }

    /// What backends report to; `nil` where there is no terminal for it.
    static var observer: (@Sendable (PreparationProgress) -> Void)? {
        guard isPossible else { return nil }
        return { own.report($0) }
    }

    private func report(_ report: PreparationProgress) {
        state.withLock { state in
            perform(state.line.report(report, at: .now))
            if state.line.isIdle {
                state.timer?.cancel()
                state.timer = nil
            } else if state.timer == nil {
                let timer = DispatchSource.makeTimerSource(queue: .global())
                timer.schedule(deadline: .now() + Self.period, repeating: Self.period)
                timer.setEventHandler { [weak self] in self?.tick() }
                state.timer = timer
                timer.resume()
            }
        }
    }

    private func tick() {
        state.withLock { perform($0.line.tick(at: .now, columns: Self.columns)) }
    }

    /// Called under the lock, so that nothing is drawn behind the erasing. A terminal that takes nothing more loses the
    /// line: nobody sees it.
    private func perform(_ action: ProgressLine.Action) {
        switch action {
        case .nothing: break
        case .draw(let line): Self.write(Self.erase + line)
        case .erase: Self.write(Self.erase)
        }
    }

    private static func write(_ text: String) {
        _ = StandardStreams.writeAll(Array(text.utf8), to: STDERR_FILENO)
    }

    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
#endif
