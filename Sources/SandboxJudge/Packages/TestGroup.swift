/// Groups of tests, and how a group's result follows from those of its tests.

#if Judge
/// A group of tests. The whole of a package's tests is one, too.
public struct TestGroup: Sendable, Hashable {
    /// `secret/group1`; empty for the whole.
    public var name: String
    /// In the order in which they count.
    public var tests: [PackageTest]
    /// They count after `tests`; in the legacy format tests and groups count in the order of their names.
    public var groups: [TestGroup]
    public var grading: Grading
    /// Groups (and `sample`) that must be passed before this one is scored.
    public var requires: [String]
    /// The test of the submission's sources, where the group has one.
    public var staticValidation: StaticValidation?

    public init(
        name: String, tests: [PackageTest] = [], groups: [TestGroup] = [], grading: Grading = .allPass,
        requires: [String] = [], staticValidation: StaticValidation? = nil
    ) {
        self.name = name
        self.tests = tests
        self.groups = groups
        self.grading = grading
        self.requires = requires
        self.staticValidation = staticValidation
    }

    /// The group's tests and those of the groups in it, in the order in which they count.
    public var allTests: [PackageTest] {
        switch grading {
        case .graded, .custom:
            let parts = tests.map { ($0.name, [$0]) } + groups.map { ($0.name, $0.allTests) }
            return parts.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }.flatMap(\.1)
        case .allPass, .scored, .points: return tests + groups.flatMap(\.allTests)
        }
    }

    var hasCustomGrading: Bool { if case .custom = grading { true } else { false } }

    /// Whether the first test that is not accepted decides of the group, so that no other has to be run.
    var endsAtFirstFailure: Bool {
        switch grading {
        case .allPass: true
        case .graded(let grading):
            grading.breaksOnReject && grading.verdictMode != .alwaysAccept
                && !grading.acceptsIfAnyAccepted && !grading.ignoresSample
        case .custom, .scored, .points: false
        }
    }

    /// This group and those in it, each before its own.
    public var allGroups: [TestGroup] { [self] + groups.flatMap(\.allGroups) }
}

/// A static validation test case.
public struct StaticValidation: Sendable, Hashable {
    public var arguments: [String]
    /// The most that it is worth; `nil` for pass-fail.
    public var maximumScore: Double?

    public init(arguments: [String], maximumScore: Double?) {
        self.arguments = arguments
        self.maximumScore = maximumScore
    }
}

/// How a group's verdict and score follow from those of its parts.
public enum Grading: Sendable, Hashable {
    /// Accepted when all parts are; no score.
    case allPass
    /// The 2025-09 format's scoring.
    case scored(ScoredGrading)
    /// The legacy format's default grader.
    case graded(LegacyGrading)
    /// The legacy format's `grading: custom`: ``ProblemPackage/grader`` says both.
    case custom(CustomGrading)
    /// Polygon's points.
    case points(PointsGrading)
}

/// Scoring of the 2025-09 format.
public struct ScoredGrading: Sendable, Hashable {
    public enum Aggregation: String, Sendable, Hashable {
        case passFail = "pass-fail"
        case sum
        case min
    }

    public var aggregation: Aggregation
    /// `nil` for `unbounded`.
    public var maximum: Double?

    public init(_ aggregation: Aggregation, maximum: Double?) {
        self.aggregation = aggregation
        self.maximum = maximum
    }
}

/// The legacy format's default grader with its flags.
public struct LegacyGrading: Sendable, Hashable {
    public enum VerdictMode: String, Sendable, Hashable {
        case worstError = "worst_error"
        case firstError = "first_error"
        case alwaysAccept = "always_accept"
    }

    public enum ScoreMode: String, Sendable, Hashable {
        case sum
        case average = "avg"
        case minimum = "min"
        case maximum = "max"
    }

    public var verdictMode = VerdictMode.worstError
    public var scoreMode = ScoreMode.sum
    /// The first part, the samples, does not count.
    public var ignoresSample = false
    public var acceptsIfAnyAccepted = false
    /// Parts after the first that is not accepted do not count.
    public var breaksOnReject = true
    /// The score of an accepted test whose validator gives none.
    public var acceptScore = 1.0
    public var rejectScore = 0.0
    /// The scores that the group can have.
    public var range = -Double.infinity...Double.infinity

    public init() {}

    /// Takes back what `grader_flags` set.
    mutating func resetFlags() {
        let fresh = LegacyGrading()
        (verdictMode, scoreMode) = (fresh.verdictMode, fresh.scoreMode)
        (ignoresSample, acceptsIfAnyAccepted) = (false, false)
    }
}

/// A group that the package's own grader grades.
public struct CustomGrading: Sendable, Hashable {
    /// For the grader.
    public var arguments: [String]
    /// Which parts the grader is told of, with which scores, and the range of its answer.
    public var rules: LegacyGrading

    public init(arguments: [String], rules: LegacyGrading = LegacyGrading()) {
        self.arguments = arguments
        self.rules = rules
    }
}

/// Polygon's points of a group.
public struct PointsGrading: Sendable, Hashable {
    public enum Policy: String, Sendable, Hashable {
        /// The points of all tests when all pass, else none.
        case completeGroup = "complete-group"
        /// Each test for itself.
        case eachTest = "each-test"
    }

    public var policy: Policy
    /// The group's points where it names them; `nil` for the sum of its tests'.
    public var points: Double?

    public init(_ policy: Policy, points: Double?) {
        self.policy = policy
        self.points = points
    }
}
#endif
