/// The submissions of the problem package format, and what each is expected to get.

#if Judge
import SandboxAPI
import Yams

enum SubmissionReader {
    /// How far into a source `@EXPECTED_RESULTS@` is looked for, in bytes.
    private static let mostSearched = 1 << 20

    static func read(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        let rules =
            package.format == .legacy
            ? SubmissionRules(defaults: [])
            : SubmissionRules.read(tree, isScoring: package.isScoring, &issues)
        for directory in tree.children(of: "submissions") where tree.isDirectory(directory) {
            for program in programs(in: directory, package, tree) {
                guard package.submissions.count < tree.bounds.submissions else {
                    issues.error(
                        directory, .unreadable,
                        "the package has more than \(tree.bounds.submissions) submissions")
                    return
                }
                var program = program
                let path = String(program.path.text.dropFirst("submissions/".count))
                var expectations: [Expectation]
                if package.format == .legacy {
                    expectations = legacy(directory.parts.last?.text ?? "", package)
                } else {
                    (program.language, program.entryPoint) = rules.language(of: path)
                    expectations = rules.expectations(of: path)
                }
                if package.format == .legacy || expectations.isEmpty,
                    let annotated = annotation(of: program, &issues)
                {
                    var expectation = Expectation(overall: annotated)
                    expectation.timeLimitUse = expectations.first?.timeLimitUse ?? .none
                    if annotated == [.accepted] { expectation.timeLimitUse = .lower }
                    expectations = [expectation]
                }
                if expectations.isEmpty {
                    issues.warn(
                        program.path, .invalidName,
                        "the directory does not say what its submissions are expected to get"
                    )
                }
                package.submissions.append(PackageSubmission(program: program, expectations: expectations))
            }
        }
        if package.format != .legacy { rules.warnUnused(package.submissions, &issues) }
    }

    /// For submit-answer problems a directory of answers is one submission, as is any directory.
    private static func programs(
        in directory: ByteString, _ package: ProblemPackage, _ tree: PackageTree
    ) -> [PackageProgram] {
        ProblemFormatReader.programs(in: directory, tree)
    }

    // MARK: Legacy

    /// What the legacy format's directories ask for. As the format's reference tools do, the verdict of the whole decides:
    /// judging stops at the first test that fails.
    private static func legacy(_ directory: String, _ package: ProblemPackage) -> [Expectation] {
        var expectation: Expectation
        switch directory {
        case "accepted":
            expectation = Expectation(overall: [.accepted])
            expectation.timeLimitUse = .lower
        case "partially_accepted":
            expectation = Expectation(overall: [.accepted])
            expectation.isPartial = true
        case "wrong_answer": expectation = Expectation(overall: [.wrongAnswer])
        case "time_limit_exceeded":
            expectation = Expectation(overall: [.timeLimitExceeded])
            expectation.timeLimitUse = .upper
        case "run_time_error": expectation = Expectation(overall: [.runtimeError])
        case "rejected":
            expectation = Expectation(overall: [.wrongAnswer, .timeLimitExceeded, .runtimeError])
        case "compiler_error", "compile_error": expectation = Expectation(overall: [.compileError])
        default: return []
        }
        return [expectation]
    }

    // MARK: @EXPECTED_RESULTS@

    /// The verdicts of the tag that DOMjudge and its tools look for in sources.
    private static func annotation(of program: PackageProgram, _ issues: inout IssueList) -> Set<Verdict>? {
        for file in program.files where file.size <= mostSearched {
            guard let bytes = try? file.read(limit: mostSearched),
                let (text, line) = ExpectedResults.find(in: bytes)
            else { continue }
            switch ExpectedResults.parse(text) {
            case .success(let verdicts): return verdicts
            case .failure(let unknown):
                issues.error(
                    file.packagePath, line: line, .invalidValue,
                    "@EXPECTED_RESULTS@: \(ByteString(unknown.word).quoted) is no result")
            }
        }
        return nil
    }
}

/// The tag `@EXPECTED_RESULTS@: WRONG-ANSWER, RUN-ERROR` in a source. Pure.
enum ExpectedResults {
    struct Unknown: Error, Equatable { var word: String }

    /// The rest of the tag's line, and the line's number.
    static func find(in bytes: [UInt8]) -> (text: String, line: Int)? {
        let tag = Array("@EXPECTED_RESULTS@".utf8)
        guard let start = bytes.firstRange(of: tag) else { return nil }
        let rest = bytes[start.upperBound...].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        let line = 1 + bytes[..<start.lowerBound].count { $0 == UInt8(ascii: "\n") }
        return (String(decoding: rest.prefix(500), as: UTF8.self), line)
    }

    static func parse(_ text: String) -> Result<Set<Verdict>, Unknown> {
        var verdicts: Set<Verdict> = []
        for part in text.drop(while: { $0 == ":" || $0.isWhitespace }).split(separator: ",") {
            // What ends a comment (`*/`, `-->`) is no part of the word.
            let word = part.drop(while: \.isWhitespace).prefix {
                $0.isASCII && ($0.isLetter || $0 == "-" || $0 == "_")
            }
            let name = word.uppercased().replacing("_", with: "-").split(separator: "-").joined(
                separator: "-")
            switch name {
            case "ACCEPTED", "CORRECT": verdicts.insert(.accepted)
            case "WRONG-ANSWER", "NO-OUTPUT", "PRESENTATION-ERROR": verdicts.insert(.wrongAnswer)
            case "TIMELIMIT", "TIME-LIMIT-EXCEEDED": verdicts.insert(.timeLimitExceeded)
            case "RUN-ERROR", "RUN-TIME-ERROR", "OUTPUT-LIMIT", "OUTPUT-LIMIT-EXCEEDED", "MEMORY-LIMIT":
                verdicts.insert(.runtimeError)
            case "COMPILER-ERROR": verdicts.insert(.compileError)
            case "CHECK-MANUALLY":
                verdicts.formUnion(Expectation.anyVerdict)
            default: return .failure(Unknown(word: String(part.prefix(40))))
            }
        }
        return verdicts.isEmpty ? .failure(Unknown(word: "")) : .success(verdicts)
    }
}
#endif
