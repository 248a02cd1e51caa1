/// Tells on stderr how far judging a package has come: a bar on a terminal, a line for each submission elsewhere.

#if CLI && Judge
import Glibc
import Sandbox
import SandboxJudge
import SandboxRuntime

final class JudgeProgress: Sendable {
    private struct State {
        var step: PackageProgress.Step?
        var drawn: ContinuousClock.Instant?
        var isShown = false
    }

    /// The bar is drawn anew no more often.
    private static let period = Duration.milliseconds(100)

    private let state = Locked(State())
    private let isTerminal: Bool

    init() { isTerminal = TerminalProgress.isPossible }

    func report(_ progress: PackageProgress) {
        state.withLock { state in
            let isNew = state.step != progress.step
            state.step = progress.step
            if !isTerminal {
                if isNew, let line = JudgeProgressText.line(progress.step) { Self.write(line) }
                return
            }
            let now = ContinuousClock.now
            if let drawn = state.drawn, now - drawn < Self.period, !isNew { return }
            state.drawn = now
            state.isShown = true
            Self.write(
                TerminalProgress.erase + JudgeProgressText.bar(progress, columns: TerminalProgress.columns))
        }
    }

    /// Erases the bar; nothing is drawn behind it.
    func end() {
        state.withLock { state in
            if state.isShown { Self.write(TerminalProgress.erase) }
            state.isShown = false
        }
    }

    private static func write(_ text: String) {
        _ = StandardStreams.writeAll(Array(text.utf8), to: STDERR_FILENO)
    }
}

/// The words and the bar. Pure.
enum JudgeProgressText {
    private static let width = 20

    static func words(_ step: PackageProgress.Step) -> String {
        func name(_ path: ByteString) -> String { TerminalText.visible("\(path)") }
        return switch step {
        case .validating: "checking the package"
        case .building(let path): "building \(name(path))"
        case .timing(let path): "timing \(name(path))"
        case .judging(let path): "judging \(name(path))"
        }
    }

    /// The line that tells of a step where there is no bar; `nil` for one that the next step tells of.
    static func line(_ step: PackageProgress.Step) -> String? {
        if case .building = step { return nil }
        return "sandbox: \(words(step))\n"
    }

    /// `[#####---------------] 10/40 judging submissions/accepted/a.cpp`, shorter than the terminal is wide.
    static func bar(_ progress: PackageProgress, columns: Int) -> String {
        let filled = progress.total > 0 ? width * min(progress.done, progress.total) / progress.total : 0
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        let text = "[\(bar)] \(progress.done)/\(progress.total) \(words(progress.step))"
        var columnsLeft = columns - 1
        return String(
            text.prefix { character in
                columnsLeft -= character.isASCII ? 1 : 2
                return columnsLeft >= 0
            })
    }
}
#endif
