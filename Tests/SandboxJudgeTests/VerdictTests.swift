import SandboxJudge
import Testing

@Suite("Verdicts")
struct VerdictTests {
    @Test("A verdict's text is its short name")
    func text() {
        #expect(Verdict.accepted.description == "AC")
        #expect(Verdict(rawValue: "TLE") == .timeLimitExceeded)
    }
}
