/// A problem package as one model, whatever its format.

#if Judge
public import SandboxAPI

/// The format of a package. A reader of another package may define more.
public struct PackageFormat: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// The problem package format before it had versions (Kattis, DOMjudge, ICPC).
    public static let legacy = PackageFormat(rawValue: "legacy")
    /// The problem package format, version 2025-09.
    public static let version2025 = PackageFormat(rawValue: "2025-09")
    /// A package of Polygon, with its `problem.xml`.
    public static let polygon = PackageFormat(rawValue: "polygon")
}

/// A problem: tests, validators, submissions with what they are expected to get, and limits.
public struct ProblemPackage: Sendable, Hashable {
    public var format: PackageFormat
    /// The directory, as an absolute path without links.
    public var directory: ByteString
    /// The problem's name in one of its languages; the directory's name where there is none.
    public var name: String
    /// Submissions get a score besides their verdict.
    public var isScoring = false
    /// The output validator, or the interactor, converses with the submission.
    public var isInteractive = false
    /// The output validator can ask for another run on an input of its own.
    public var isMultiPass = false
    /// Submissions are answers, not programs.
    public var isSubmitAnswer = false
    public var limits = PackageLimits()
    /// Samples first, then the secret tests.
    public var tests = TestGroup(name: "")
    /// Inputs that an input validator must refuse, outputs that the output validator must refuse or accept.
    public var validatorTests: [ValidatorTest] = []
    public var inputValidators: [PackageProgram] = []
    public var output = OutputJudging.builtIn
    /// Judges a submission's sources.
    public var staticValidator: PackageProgram?
    /// Makes a result of a group's parts, where a group's grading is ``Grading/custom(_:)``.
    public var grader: PackageProgram?
    public var submissions: [PackageSubmission] = []
    /// Files that every submission of a language gets, by the format's code of the language; `default` for all others.
    public var included: [String: [PackageFile]] = [:]
    /// Constants that the package's programs and included files name as `{{name}}`.
    public var constants: [String: String] = [:]
    /// Languages that submissions may be written in, by the format's codes; `nil` for all.
    public var languages: [String]?
    /// Where a submission reads and writes, when not stdin and stdout.
    public var inputFileName: String?
    public var outputFileName: String?
    /// What is not as the format wants it, and does not keep the package from being judged.
    public var warnings: [PackageIssue] = []

    public init(format: PackageFormat, directory: ByteString, name: String) {
        self.format = format
        self.directory = directory
        self.name = name
    }

    /// All tests in the order in which they count.
    public var allTests: [PackageTest] { tests.allTests }
}

/// A file of a package. It is read when it is needed.
public struct PackageFile: Sendable, Hashable {
    /// Relative to the program or directory that it belongs to.
    public var path: ByteString
    /// Relative to the package, for messages.
    public var packagePath: ByteString
    /// The host's path, absolute and without links.
    public var hostPath: ByteString
    /// In bytes.
    public var size: Int
    public var isExecutable: Bool

    public init(
        path: ByteString, packagePath: ByteString, hostPath: ByteString, size: Int, isExecutable: Bool = false
    ) {
        self.path = path
        self.packagePath = packagePath
        self.hostPath = hostPath
        self.size = size
        self.isExecutable = isExecutable
    }
}

/// A program of a package: one file, or a directory of files.
public struct PackageProgram: Sendable, Hashable {
    /// The base name of the file or directory.
    public var name: String
    /// Relative to the package.
    public var path: ByteString
    public var files: [PackageFile]
    /// The format's code of the language, where the package names it.
    public var language: String?
    /// The file, class or name that is started, where the package names it.
    public var entryPoint: String?

    public init(
        name: String, path: ByteString, files: [PackageFile], language: String? = nil,
        entryPoint: String? = nil
    ) {
        self.name = name
        self.path = path
        self.files = files
        self.language = language
        self.entryPoint = entryPoint
    }
}

/// How outputs are judged.
public enum OutputJudging: Sendable, Hashable {
    /// The format's default validator, with the flags of each test.
    case builtIn
    /// Programs of the problem package format: all must accept.
    case validators([PackageProgram])
    /// A checker by testlib's convention.
    case checker(PackageProgram)
    /// An interactor by testlib's convention, and the checker that judges what it writes.
    case interactor(PackageProgram, checker: PackageProgram?)
}

/// A package's limits. `nil` stands for the judge's own.
public struct PackageLimits: Sendable, Hashable {
    /// CPU time of a submission on one test; `nil` when it is inferred from the submissions.
    public var time: Duration?
    public var timing = TimeLimitRule.version2025
    /// In bytes.
    public var memory: Int?
    /// In bytes.
    public var output: Int?
    /// All source files of a submission together, in bytes.
    public var code: Int?
    public var compilationTime: Duration?
    public var compilationMemory: Int?
    public var validationTime: Duration?
    public var validationMemory: Int?
    public var validationOutput: Int?
    /// The most passes of a multi-pass problem.
    public var passes = 2

    public init() {}
}

/// A test, an input with its answer.
public struct PackageTest: Sendable, Hashable {
    /// Unique in the package: `secret/group1/07`.
    public var name: String
    public var input: PackageFile
    public var answer: PackageFile?
    /// Files put into the submission's working directory.
    public var files: [PackageFile] = []
    /// The submission's arguments.
    public var arguments: [String] = []
    public var inputValidatorArguments = ValidatorArguments.all([])
    public var outputValidatorArguments: [String] = []
    public var isSample: Bool
    /// The output of a sample that is shown as right, so that the output validator must accept it: its `.out`, or the
    /// answer where nothing else is shown in its place.
    public var shownOutput: PackageFile?
    /// What the test is worth, in formats that say so for each test.
    public var points: Double?

    public init(name: String, input: PackageFile, answer: PackageFile?, isSample: Bool) {
        self.name = name
        self.input = input
        self.answer = answer
        self.isSample = isSample
    }
}

/// The arguments of input validators.
public enum ValidatorArguments: Sendable, Hashable {
    /// The same for each.
    case all([String])
    /// By the validator's name; one that is not there gets none.
    case named([String: [String]])

    public func of(_ validator: String) -> [String] {
        switch self {
        case .all(let arguments): arguments
        case .named(let byName): byName[validator] ?? []
        }
    }
}

/// A test of the validators themselves.
public struct ValidatorTest: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// At least one input validator must refuse the input.
        case invalidInput
        /// The output validator must refuse the output.
        case invalidOutput
        /// The output validator must accept the output.
        case validOutput
    }

    public var kind: Kind
    public var test: PackageTest
    /// The output to be judged; `nil` for `invalidInput`.
    public var output: PackageFile?

    public init(kind: Kind, test: PackageTest, output: PackageFile?) {
        self.kind = kind
        self.test = test
        self.output = output
    }
}
#endif
