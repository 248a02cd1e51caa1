/// `sandbox judge`: judges a problem package's submissions against what they are expected to get.

#if CLI && Judge
import ArgumentParser
import Glibc
import Sandbox
import SandboxJudge

struct JudgeCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "judge", abstract: "Judge submissions on a problem package.",
        usage: "sandbox judge [<options>] PROBLEM [SUBMISSION...]",
        discussion: """
            PROBLEM is a directory in the problem package format (legacy or 2025-09) or a package of Polygon. Its inputs \
            are checked by its own validators.

            Exit status: 0 when every submission got what was expected, 1 when not, \
            125 when the package, a validator or the sandbox failed.
            """)

    @Option(
        parsing: .unconditional,
        help: .init(
            "How many tests run at a time; each needs a processor for its times to be right. (1 to 64; default: half of the processors)",
            valueName: "n"),
        transform: JobCount.parse)
    var jobs: JobCount?

    @Flag(
        help:
            "End a submission's tests at the first that is not accepted, unless they have scores; what is expected of later tests is not seen then."
    )
    var stopAtFirstFailure = false

    @Flag(help: "Show every test of every submission, not only of those with an unexpected result.")
    var tests = false

    @Option(
        parsing: .unconditional,
        help: .init(
            "A directory with further descriptions of languages (.yaml), or one such file; see `sandbox languages`.",
            valueName: "dir"),
        completion: .directory)
    var languages: ByteString?

    @OptionGroup(title: GroupTitle.place) var place: PlaceOptions

    @Flag(help: "Print one JSON object instead of the table.")
    var json = false

    @Option(
        parsing: .unconditional,
        help: .init("Write a report in JUnit's XML to a file, whole or not at all.", valueName: "file"),
        completion: .file())
    var junit: ByteString?

    @Argument(help: .init("The package's directory.", valueName: "problem"), completion: .directory)
    var problem: ByteString

    @Argument(
        help: .init(
            "A source file, or a directory of sources, here or in the package. Those that are not of the package are expected to be accepted. (default: all of the package)",
            valueName: "submission"), completion: .file())
    var submissions: [ByteString] = []

    func perform() async -> Int32 {
        let jobs = jobs?.count ?? JobCount.standard
        var session = Session(place.backend, json: json)
        session.image = place.image.text
        return await session.perform {
            let file = try junit.map { path throws(SandboxError) in
                try ResultFile(path, option: "--junit")
            }
            let catalog = try KnownLanguages(languages).catalog
            let package = try Self.read(problem)
            let chosen =
                try submissions.isEmpty ? nil : submissions.map { try Self.submission($0, of: package) }
            for warning in package.warnings { await StandardStreams.say("\(warning)") }
            let options = place.sandboxOptions(try RunPlan.image(place.image))
            let progress = JudgeProgress()
            let stops = stopAtFirstFailure
            let report: PackageReport
            do {
                defer { progress.end() }
                (report, _) = try await session.withBackend(for: .judge(jobs: jobs)) { backend in
                    try await PackageJudge(
                        package, on: backend, options: options, languages: catalog, jobs: jobs,
                        stopsAtFirstFailure: stops,
                        onProgress: { progress.report($0) }
                    ).judge(chosen)
                }
            }
            try file?.write(JUnitReport(report).bytes)
            for issue in report.issues { await StandardStreams.say("\(issue)") }
            if json {
                try await StandardStreams.writeOut(try JSONText.encode(PackageObject(report)))
            } else {
                try await StandardStreams.writeOut(Array(JudgeTable.render(report, allTests: tests).utf8))
            }
            if report.hasJudgeError { return ExitStatus.sandboxFailed }
            return report.allAsExpected ? ExitStatus.success : ExitStatus.unexpectedVerdict
        }
    }

    private static func read(_ path: ByteString) throws(SandboxError) -> ProblemPackage {
        do {
            return try ProblemPackage.read(path)
        } catch {
            throw failure("the package \(path.quoted) cannot be judged", error)
        }
    }

    private static func submission(
        _ path: ByteString, of package: ProblemPackage
    ) throws(SandboxError) -> PackageSubmission {
        do {
            return try package.submission(at: path)
        } catch {
            throw failure("the submission \(path.quoted) cannot be judged", error)
        }
    }

    private static func failure(_ what: String, _ error: InvalidPackage) -> SandboxError {
        SandboxError(.invalidArgument, message: "\(what):\n\(error)")
    }
}

/// How many tests run at a time.
struct JobCount {
    var count: Int

    /// Half of the processors, at least one: two threads of one core disturb each other's times.
    static let standard = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)

    static func parse(_ text: String) throws(BadValue) -> JobCount {
        guard let count = Int(text), (1...64).contains(count) else {
            throw BadValue("a number of jobs is 1 to 64")
        }
        return JobCount(count: count)
    }
}
#endif
