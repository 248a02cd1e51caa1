/// Tests the bar and the lines of `sandbox judge`.

#if CLI && Judge
import SandboxJudge
import Testing

@testable import SandboxCLI

@Suite struct JudgeProgressTests {
    private func bar(_ done: Int, _ total: Int, columns: Int = 80) -> String {
        JudgeProgressText.bar(
            PackageProgress(step: .judging("submissions/accepted/a\u{1B}é.py"), done: done, total: total),
            columns: columns)
    }

    @Test func theBarFills() {
        let words = "judging submissions/accepted/a\\u{1B}é.py"
        #expect(bar(0, 0) == "[--------------------] 0/0 " + words)
        #expect(bar(1, 3) == "[######--------------] 1/3 " + words)
        #expect(bar(3, 3) == "[####################] 3/3 " + words)
        // More than there should be is no longer bar.
        #expect(bar(9, 3).hasPrefix("[####################] 9/3 "))
    }

    /// A line that wraps could not be erased.
    @Test func itStaysBelowTheWidth() {
        for columns in [0, 1, 2, 22, 60, 66, 67, 68] {
            let line = bar(1, 3, columns: columns)
            #expect(line.reduce(0) { $0 + ($1.isASCII ? 1 : 2) } < max(columns, 1), "\(columns): \(line)")
        }
    }

    @Test func linesForEachSubmission() {
        #expect(JudgeProgressText.line(.validating) == "sandbox: checking the package\n")
        #expect(JudgeProgressText.line(.judging("a\nb")) == "sandbox: judging a\\u{A}b\n")
        #expect(JudgeProgressText.line(.timing("a")) == "sandbox: timing a\n")
        #expect(JudgeProgressText.line(.building("a")) == nil)
    }
}
#endif
