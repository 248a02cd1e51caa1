/// Which line tells a person at a terminal what the command is waiting for. Pure.

#if CLI
import Sandbox

/// The line of the command's preparations, as events and time change it.
struct ProgressLine {
    /// What is to be done with the terminal.
    enum Action: Equatable {
        case nothing
        /// Replaces the line.
        case draw(String)
        case erase
    }

    /// So long nothing is shown: most preparations are over by then.
    static let delay = Duration.milliseconds(500)

    private struct Preparation {
        var report: PreparationProgress
        var stepBegan: ContinuousClock.Instant
    }

    private var running: [Int: Preparation] = [:]
    /// The preparations that are over: a report of another thread may come after the last one.
    private var finished: Set<Int> = []
    /// When the command began to wait: the first of those that are running, or that followed one another.
    private var began: ContinuousClock.Instant?
    private var shown: String?

    var isIdle: Bool { running.isEmpty }

    mutating func report(_ report: PreparationProgress, at now: ContinuousClock.Instant) -> Action {
        if report.isFinished {
            running[report.preparation] = nil
            finished.insert(report.preparation)
        } else if !finished.contains(report.preparation) {
            let before = running[report.preparation]
            let isSame = before?.report.step == report.step
            running[report.preparation] = Preparation(
                report: report, stepBegan: isSame ? before!.stepBegan : now)
        }
        if running.isEmpty {
            began = nil
            defer { shown = nil }
            return shown == nil ? .nothing : .erase
        }
        if began == nil { began = now }
        return .nothing
    }

    /// - Parameter columns: the terminal's width; the line stays below it, since a line that wraps cannot be
    ///   erased.
    mutating func tick(at now: ContinuousClock.Instant, columns: Int) -> Action {
        guard let began, now - began >= Self.delay,
            let newest = running.max(by: { $0.key < $1.key })?.value
        else { return .nothing }
        let text = Self.text(newest.report, for: now - newest.stepBegan)
        let line = Self.cut("sandbox: " + text, to: columns - 1)
        if line == shown { return .nothing }
        shown = line
        return .draw(line)
    }

    /// The beginning of a text that surely fits: what is not ASCII may be two columns wide.
    private static func cut(_ text: String, to columns: Int) -> String {
        var width = 0
        return String(
            text.prefix { character in
                width += character.isASCII ? 1 : 2
                return width <= columns
            })
    }

    static func text(_ report: PreparationProgress, for time: Duration) -> String {
        let image = TerminalText.visible(report.image)
        let words =
            switch report.step {
            case .reading: "reading \(image)"
            case .unpacking: "unpacking \(image)"
            case .waiting: "waiting for another process that unpacks \(image)"
            case .loading: "giving \(image) to the engine"
            case .pulling: "the engine pulls \(image)"
            case .starting: "starting a container of \(image)"
            default: "\(TerminalText.visible(report.step.rawValue)) \(image)"
            }
        guard let total = report.totalBytes, total > 0 else {
            return "\(words) (\(time.components.seconds) s)"
        }
        let percent = Int(Double(report.completedBytes) / Double(total) * 100)
        return "\(words): \(percent)% of \(ByteSize.brief(total))"
    }
}
#endif
