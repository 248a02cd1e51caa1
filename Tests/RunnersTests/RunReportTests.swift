/// Tests the run details of a runner from another package.

import Runners
import Testing

struct RunReportTests {
    private struct Panic: RunDetails {
        var line: Int
        var description: String { "panic in line \(line)" }
    }

    @Test func detailsAreAnyRunners() {
        var report = RunReport(details: Panic(line: 3))
        #expect((report.details as? Panic)?.line == 3)
        #expect(report.traceback == nil)
        #expect(report == RunReport(details: Panic(line: 3)))
        #expect(report != RunReport(details: Panic(line: 4)) && report != RunReport())
        report.details = PythonTraceback(frames: [], exceptionType: "KeyError", message: "1")
        #expect(report.traceback?.exceptionType == "KeyError")
        #expect("\(report.details!)" == "KeyError: 1")
        #expect(Set([report, RunReport(), RunReport(details: Panic(line: 4))]).count == 3)
    }
}
