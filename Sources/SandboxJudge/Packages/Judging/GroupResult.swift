/// How the verdict and score of groups, and of a submission, follow from those of its tests. Pure.

#if Judge
/// What counts of one test: folded from its run and its validators.
public struct TestScore: Sendable, Hashable {
    public var verdict: Verdict
    /// The validator's score (`score.txt`).
    public var score: Double?
    /// The validator's part of the most that the test is worth (`score_multiplier.txt`), 0 to 1.
    public var multiplier: Double?

    public init(_ verdict: Verdict, score: Double? = nil, multiplier: Double? = nil) {
        self.verdict = verdict
        self.score = score
        self.multiplier = multiplier
    }

    /// Of a test that was judged.
    init(_ result: TestResult) {
        self.init(
            result.verdict, score: result.check?.score, multiplier: result.check?.scoreMultiplier)
    }
}

/// What a group of tests gives.
public struct GroupResult: Sendable, Hashable {
    /// `secret/group1`; empty for the submission as a whole.
    public var name: String
    /// Accepted, or the verdict of the test that decides.
    public var verdict: Verdict
    /// `nil` where the problem has no scores.
    public var score: Double?
    public var groups: [GroupResult]
    /// Why the score cannot be told: a mistake of the package or its validator.
    public var judgeError: String?

    public init(
        name: String, verdict: Verdict, score: Double? = nil, groups: [GroupResult] = [],
        judgeError: String? = nil
    ) {
        self.name = name
        self.verdict = verdict
        self.score = score
        self.groups = groups
        self.judgeError = judgeError
    }

    /// This group and those in it.
    public var all: [GroupResult] { [self] + groups.flatMap(\.all) }
}

extension TestGroup {
    /// The name under which a group's static validation is among the results.
    public static func staticValidationName(of group: String) -> String { group + "/static_validation" }

    /// Folds the results of tests.
    ///
    /// - Parameters:
    ///   - results: by the tests' names. A test without one was not run, and does not count as accepted.
    ///   - isScoring: whether there are scores.
    /// - Returns: the result. A group with ``Grading/custom(_:)`` has a judge error: only its grader knows.
    public func result(of results: [String: TestScore], isScoring: Bool) -> GroupResult {
        result(of: results, isScoring: isScoring, answers: [:]).result
    }

    /// The same, with what the package's grader said of groups.
    ///
    /// - Returns: the result, and what has to be asked for it; `nil` when it is complete.
    func result(
        of results: [String: TestScore], isScoring: Bool, answers: [String: GraderAnswer]
    ) -> (result: GroupResult, question: GraderQuestion?) {
        var known = Known(answers: answers)
        let result = fold(results, isScoring: isScoring, &known)
        return (result, known.question)
    }

    /// What is known while groups are folded.
    private struct Known {
        var answers: [String: GraderAnswer]
        /// The first group whose grader was not asked yet.
        var question: GraderQuestion?
        /// The groups that are passed.
        var passed: Set<String> = []
    }

    private func fold(
        _ results: [String: TestScore], isScoring: Bool, _ known: inout Known
    ) -> GroupResult {
        let isOpen = requires.allSatisfy(known.passed.contains)
        var parts = groups.map { $0.fold(results, isScoring: isScoring, &known) }
        var result: GroupResult
        let tests = scoredTests(results)
        switch grading {
        case .allPass:
            result = GroupResult(name: name, verdict: Self.first(of: tests.map(\.score) + scores(parts)))
        case .scored(let grading): result = scored(grading, tests, parts, isScoring: isScoring)
        case .graded(let grading): result = graded(grading, tests, parts, isScoring: isScoring)
        case .custom(let grading): result = custom(grading, tests, parts, isScoring: isScoring, &known)
        case .points(let grading): result = points(grading, results, parts)
        }
        if !isOpen {
            // The group is not judged: its tests count as not accepted.
            if result.verdict == .accepted { result.verdict = .wrongAnswer }
            if isScoring { result.score = 0 }
            parts = parts.map { GroupResult(name: $0.name, verdict: $0.verdict, score: isScoring ? 0 : nil) }
        }
        result.groups = parts
        if result.judgeError == nil { result.judgeError = parts.compactMap(\.judgeError).first }
        if result.judgeError != nil { result.verdict = .judgeError }
        if result.verdict == .accepted || (isOpen && allPassed(results)) { known.passed.insert(name) }
        return result
    }

    private func allPassed(_ results: [String: TestScore]) -> Bool {
        allTests.allSatisfy { results[$0.name]?.verdict == .accepted }
    }

    private typealias Part = (name: String, score: TestScore)

    /// The tests that were run, and the group's static validation, in order.
    private func scoredTests(_ results: [String: TestScore]) -> [Part] {
        let names = (staticValidation == nil ? [] : [Self.staticValidationName(of: name)]) + tests.map(\.name)
        return names.compactMap { name in results[name].map { (name, $0) } }
    }

    private func scores(_ parts: [GroupResult]) -> [TestScore] {
        parts.map { TestScore($0.verdict, score: $0.score) }
    }

    /// Accepted, a judge error wherever it is, or the first verdict that is not accepted.
    private static func first(of parts: [TestScore]) -> Verdict {
        let verdicts = parts.map(\.verdict)
        if verdicts.contains(.judgeError) { return .judgeError }
        return verdicts.first { $0 != .accepted } ?? .accepted
    }

    // MARK: 2025-09

    private func scored(
        _ grading: ScoredGrading, _ tests: [Part], _ parts: [GroupResult], isScoring: Bool
    ) -> GroupResult {
        var result = GroupResult(name: name, verdict: Self.first(of: tests.map(\.score) + scores(parts)))
        guard isScoring else { return result }
        if name.isEmpty {
            // The submission's score is that of `secret`; samples give none.
            result.score = parts.last { $0.name == "secret" }?.score ?? 0
            return result
        }
        if grading.aggregation == .passFail {
            if let wrong = tests.first(where: { $0.score.score != nil || $0.score.multiplier != nil }) {
                result.judgeError =
                    "\(wrong.name): the validator gave a score in a group with pass-fail aggregation"
            }
            result.score = result.verdict == .accepted ? grading.maximum ?? 0 : 0
            return result
        }
        var values = parts.map { $0.score ?? 0 }
        for test in tests {
            switch Self.score(of: test.score, atMost: maximum(of: test.name, grading)) {
            case .success(let score): values.append(score)
            case .failure(let reason):
                result.judgeError = "\(test.name): \(reason.text)"
                values.append(0)
            }
        }
        // A test that was not run is one that failed.
        let missing = self.tests.count + (staticValidation == nil ? 0 : 1) - tests.count
        if missing > 0 { values.append(0) }
        result.score = grading.aggregation == .sum ? values.reduce(0, +) : values.min() ?? 0
        if let maximum = grading.maximum, result.score! > maximum * (1 + 1e-9) {
            result.judgeError =
                result.judgeError ?? "\(name): the score \(result.score!) is above max_score \(maximum)"
        }
        return result
    }

    /// What a test of the group is worth at most; `nil` for unbounded.
    private func maximum(of test: String, _ grading: ScoredGrading) -> Double? {
        guard let all = grading.maximum else { return nil }
        let ofSources = staticValidation?.maximumScore ?? 0
        if test == Self.staticValidationName(of: name) {
            return grading.aggregation == .min ? all : ofSources
        }
        return grading.aggregation == .min ? all : (all - ofSources) / Double(max(1, tests.count))
    }

    private struct Reason: Error { var text: String }

    private static func score(of test: TestScore, atMost maximum: Double?) -> Result<Double, Reason> {
        guard test.verdict == .accepted else {
            let gaveScore = test.score != nil || test.multiplier != nil
            return gaveScore
                ? .failure(Reason(text: "the validator gave a score to a test that it did not accept"))
                : .success(0)
        }
        if test.score != nil, test.multiplier != nil {
            return .failure(Reason(text: "the validator gave a score and a multiplier"))
        }
        guard let maximum else {
            if test.multiplier != nil {
                return .failure(Reason(text: "a multiplier for a test without a maximum"))
            }
            return test.score.map { .success($0) } ?? .failure(Reason(text: "the validator gave no score"))
        }
        if let multiplier = test.multiplier { return .success(multiplier * maximum) }
        guard let score = test.score else { return .success(maximum) }
        if score > maximum * (1 + 1e-9) {
            return .failure(Reason(text: "the score \(score) is above the test's maximum \(maximum)"))
        }
        return .success(score)
    }

    // MARK: Legacy

    private func graded(
        _ grading: LegacyGrading, _ tests: [Part], _ groups: [GroupResult], isScoring: Bool
    ) -> GroupResult {
        let parts = counted(grading, tests, groups)
        let values = parts.map { $0.score ?? 0 }
        let score: Double =
            switch grading.scoreMode {
            case .sum: values.reduce(0, +)
            case .average: values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
            case .minimum: values.min() ?? 0
            case .maximum: values.max() ?? 0
            }
        return inRange(Self.verdict(parts, grading), score, grading, isScoring: isScoring)
    }

    /// The parts that a grader sees, with their scores.
    private func counted(
        _ grading: LegacyGrading, _ tests: [Part], _ groups: [GroupResult]
    ) -> [TestScore] {
        var named = tests.map { test -> Part in
            let fallback = test.score.verdict == .accepted ? grading.acceptScore : grading.rejectScore
            return (test.name, TestScore(test.score.verdict, score: test.score.score ?? fallback))
        }
        named += groups.map { ($0.name, TestScore($0.verdict, score: $0.score)) }
        named.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var parts = named.map(\.score)
        if grading.ignoresSample, parts.count > 1 { parts.removeFirst() }
        if grading.breaksOnReject, let end = parts.firstIndex(where: { $0.verdict != .accepted }) {
            parts.removeSubrange((end + 1)...)
        }
        return parts
    }

    private func custom(
        _ grading: CustomGrading, _ tests: [Part], _ groups: [GroupResult], isScoring: Bool,
        _ known: inout Known
    ) -> GroupResult {
        let parts = counted(grading.rules, tests, groups)
        // A judge error needs no grader, and a group of which nothing was run has nothing to grade.
        if parts.isEmpty || parts.contains(where: { $0.verdict == .judgeError }) {
            return GroupResult(name: name, verdict: Self.first(of: parts), score: isScoring ? 0 : nil)
        }
        switch known.answers[name] {
        case .result(let verdict, let score)?:
            return inRange(verdict, score, grading.rules, isScoring: isScoring)
        case .failed(let why)?:
            return GroupResult(name: name, verdict: .judgeError, judgeError: why)
        case nil:
            if known.question == nil {
                known.question = GraderQuestion(group: name, arguments: grading.arguments, parts: parts)
            }
            return GroupResult(name: name, verdict: .judgeError, judgeError: "the grader was not asked")
        }
    }

    private func inRange(
        _ verdict: Verdict, _ score: Double, _ grading: LegacyGrading, isScoring: Bool
    ) -> GroupResult {
        var result = GroupResult(name: name, verdict: verdict)
        guard isScoring else { return result }
        // What groups earned that are not accepted is passed on to the group around them, which may accept it all the same.
        result.score = verdict == .accepted || !name.isEmpty ? score : grading.rejectScore
        if verdict == .accepted, !grading.range.contains(score) {
            result.judgeError =
                "\(name.isEmpty ? "data" : name): the score \(score) is not in the range "
                + "\(grading.range.lowerBound) to \(grading.range.upperBound)"
        }
        return result
    }

    private static func verdict(_ parts: [TestScore], _ grading: LegacyGrading) -> Verdict {
        let verdicts = parts.map(\.verdict)
        if verdicts.contains(.judgeError) { return .judgeError }
        if grading.verdictMode == .alwaysAccept { return .accepted }
        if grading.acceptsIfAnyAccepted, verdicts.contains(.accepted) { return .accepted }
        let failures = verdicts.filter { $0 != .accepted }
        guard let first = failures.first else { return .accepted }
        if grading.verdictMode == .firstError { return first }
        let order: [Verdict] = [
            .runtimeError, .securityViolation, .memoryLimitExceeded, .timeLimitExceeded, .idle,
            .outputLimitExceeded, .wrongAnswer, .presentationError,
        ]
        return order.first(where: failures.contains) ?? first
    }

    // MARK: Polygon

    private func points(
        _ grading: PointsGrading, _ results: [String: TestScore], _ parts: [GroupResult]
    ) -> GroupResult {
        var result = GroupResult(
            name: name, verdict: Self.first(of: scoredTests(results).map(\.score) + scores(parts)))
        let earned = tests.map { test -> Double in
            guard let score = results[test.name] else { return 0 }
            // A checker's points stand for those of the test.
            if let points = score.score { return points }
            return score.verdict == .accepted ? test.points ?? 0 : 0
        }
        let inGroups = parts.map { $0.score ?? 0 }.reduce(0, +)
        switch grading.policy {
        case .eachTest: result.score = earned.reduce(0, +) + inGroups
        case .completeGroup:
            let isComplete = tests.allSatisfy { results[$0.name]?.verdict == .accepted }
            let whole = grading.points ?? tests.map { $0.points ?? 0 }.reduce(0, +)
            result.score = (isComplete ? whole : 0) + inGroups
        }
        return result
    }
}
#endif
