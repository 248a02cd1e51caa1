#if Judge
import SandboxTesting
import Testing

@testable import SandboxJudge

struct ValidatorRow: Sendable, CustomTestStringConvertible {
    var arguments: String
    var output: String
    var answer: String
    var isRight: Bool
    var edition = DefaultValidator.Edition.format202509
    var testDescription: String { "[\(arguments)] \(output.debugDescription) for \(answer.debugDescription)" }

    init(
        _ arguments: String, _ output: String, _ answer: String, _ isRight: Bool,
        _ edition: DefaultValidator.Edition = .format202509
    ) {
        self.arguments = arguments
        self.output = output
        self.answer = answer
        self.isRight = isRight
        self.edition = edition
    }
}

private let validatorRows = [
    // By default neither white space nor case matters.
    ValidatorRow("", " hello\tWORLD\r\n\n", "Hello World\n", true), ValidatorRow("", "", " \n", true),
    ValidatorRow("", "\n", "", true),
    ValidatorRow("", "a", "", false), ValidatorRow("", "", "a", false), ValidatorRow("", "a b", "a", false),
    ValidatorRow("", "ab", "a b", false),
    ValidatorRow("", "a\u{0}b", "a", false), ValidatorRow("", "1.0", "1", false),
    ValidatorRow("", "\u{e9}", "\u{c9}", false),
    ValidatorRow("case_sensitive", "Hello", "Hello", true),
    ValidatorRow("case_sensitive", "hello", "Hello", false),
    ValidatorRow("case_sensitive", " Hello \n", "Hello", true),
    // White space of the same kind and amount, also before the first and behind the last token.
    ValidatorRow("space_change_sensitive", "a b\n", "A b\n", true),
    ValidatorRow("space_change_sensitive", "a  b\n", "a b\n", false),
    ValidatorRow("space_change_sensitive", "a\tb\n", "a b\n", false),
    ValidatorRow("space_change_sensitive", "a b", "a b\n", false),
    ValidatorRow("space_change_sensitive", "a b\n\n", "a b\n", false),
    ValidatorRow("space_change_sensitive", " a", "a", false),
    ValidatorRow("space_change_sensitive", "a\nb\n", "a b\n", false),
    ValidatorRow("space_change_sensitive", "a\r\n", "a\n", false),
    ValidatorRow("space_change_sensitive", "", "", true),
    ValidatorRow("space_change_sensitive", "\n", "", false),
    ValidatorRow("space_change_sensitive", "", "\n", false),
    ValidatorRow("space_change_sensitive", "a", "a b", false),
    ValidatorRow("case_sensitive space_change_sensitive", "A b\n", "a b\n", false),
    // Tolerances.
    ValidatorRow("float_tolerance 1e-6", "0.3333333", "0.33333333333", true),
    ValidatorRow("float_tolerance 1e-6", "0.333", "0.33333333333", false),
    ValidatorRow("float_tolerance 1e-6", "1e5", "100000", true),
    ValidatorRow("float_tolerance 1e-6", "100000.00", "1e5", true),
    ValidatorRow("float_tolerance 1e-6", "1e6", "1000000.5", true),
    ValidatorRow("float_absolute_tolerance 1e-6", "1e6", "1000000.5", false),
    ValidatorRow("float_relative_tolerance 1e-6", "1e6", "1000000.5", true),
    ValidatorRow("float_relative_tolerance 1e-6", "1e-9", "0", false),
    ValidatorRow("float_absolute_tolerance 1e-6", "1e-9", "0", true),
    ValidatorRow("float_relative_tolerance 0.1 float_absolute_tolerance 0.5", "1.4", "1", true),
    ValidatorRow("float_relative_tolerance 0.1 float_absolute_tolerance 0.5", "109", "100", true),
    ValidatorRow("float_relative_tolerance 0.1 float_absolute_tolerance 0.5", "111", "100", false),
    ValidatorRow("float_tolerance 0", "1.50", "1.5", true),
    ValidatorRow("float_tolerance 0", "1.5000001", "1.5", false),
    ValidatorRow("float_tolerance 1e-6", "-0.0", "0", true),
    ValidatorRow("float_tolerance 1e-6", "+1.", "1", true),
    ValidatorRow("float_tolerance 1e-6", ".5", "0.5", true),
    ValidatorRow("float_tolerance 1e-6", "abc", "1", false),
    ValidatorRow("float_tolerance 1e-6", "1abc", "1", false),
    ValidatorRow("float_tolerance 1e-6", "YES 1.0", "yes 1", true),
    ValidatorRow("float_tolerance 1e-6 case_sensitive", "YES 1.0", "yes 1", false),
    ValidatorRow("float_tolerance 1e-6 case_sensitive", "1E0", "1e0", true),
    ValidatorRow("float_tolerance 1e-6 space_change_sensitive", "1.0\n", "1\n", true),
    ValidatorRow("float_tolerance 1e-6 space_change_sensitive", "1.0", "1\n", false),
    ValidatorRow("float_tolerance 1e-6", "1 2", "1", false),
    ValidatorRow("float_tolerance 1e-6", "1", "1 2", false),
    ValidatorRow("float_tolerance 1e9", "nan", "1", false),
    ValidatorRow("float_tolerance 1e9", "inf", "1", false),
    ValidatorRow("float_tolerance 1e9", "1e999", "1", false),
    ValidatorRow("float_tolerance 1e9", "-1e999", "1e999", false),
    // 2025-09: decimal alone; what is no number is text.
    ValidatorRow("float_tolerance 1", "0x10", "16", false),
    ValidatorRow("float_tolerance 1", "NaN", "nan", true),
    ValidatorRow("float_tolerance 1", "Inf", "inf", true),
    ValidatorRow("float_tolerance 1", "infinity", "inf", false),
    ValidatorRow("float_tolerance 1", "16", "0x10", false),
    // Legacy: what scanf takes.
    ValidatorRow("float_tolerance 1", "0x10", "16", true, .legacy),
    ValidatorRow("float_tolerance 0", "0x1.8p1", "3", true, .legacy),
    ValidatorRow("float_tolerance 0", "0x.8", "0.5", true, .legacy),
    ValidatorRow("float_tolerance 0", "0x8.", "8", true, .legacy),
    ValidatorRow("float_tolerance 1", "infinity", "inf", false, .legacy),
    ValidatorRow("float_tolerance 1", "INF", "inf", true, .legacy),
    ValidatorRow("float_tolerance 1", "1e999", "1e998", false, .legacy),
    ValidatorRow("float_tolerance 1", "1e999", "inf", false, .legacy),
    ValidatorRow(
        "float_absolute_tolerance 1", "1" + String(repeating: "0", count: 400),
        "2" + String(repeating: "0", count: 400), false),
    ValidatorRow("float_tolerance 1", "-inf", "inf", false, .legacy),
    ValidatorRow("float_tolerance 1", "-NAN", "nan", false, .legacy),
    ValidatorRow("float_tolerance 1", "nan(1)", "nan", false, .legacy),
    ValidatorRow("float_tolerance 1e9", "nan", "1", false, .legacy),
    ValidatorRow("float_tolerance 1e9", "1", "inf", false, .legacy),
    ValidatorRow("float_tolerance 1", "infi", "inf", false, .legacy),
    ValidatorRow("float_tolerance 1", "0x", "0", false, .legacy),
    ValidatorRow("float_tolerance 1", "1e5x", "1e5", false, .legacy),
    ValidatorRow("float_tolerance 1 float_tolerance 2", "3", "1", true, .legacy),
]

@Suite("The package formats' default validator")
struct DefaultValidatorTests {
    @Test("What is accepted", arguments: validatorRows)
    func accepts(_ row: ValidatorRow) async throws {
        let validator = try DefaultValidator(
            arguments: row.arguments.split(separator: " ").map { ByteString(String($0)) }, row.edition)
        let result = try await answer(validator, Array(row.output.utf8), Array(row.answer.utf8))
        #expect((result.verdict == .accepted) == row.isRight, "\(result.message)")
    }

    @Test(
        "Arguments that are none are told",
        arguments: [
            ("case-sensitive", "case-sensitive"), ("float_tolerance", "no number"),
            ("float_tolerance x", "\"x\""),
            ("float_tolerance -1", "0 or more"), ("float_tolerance nan", "no number"),
            ("float_tolerance 1 float_tolerance 1", "twice"),
            ("float_tolerance 1 float_absolute_tolerance 1", "beside"),
            ("float_relative_tolerance 1 float_tolerance 1", "beside"), ("1e-6", "1e-6"),
            ("float_tolerance case_sensitive", "case_sensitive"),
        ])
    func invalidArguments(_ arguments: String, _ word: String) {
        #expect {
            try DefaultValidator(arguments: arguments.split(separator: " ").map { ByteString(String($0)) })
        } throws: { error in
            guard let error = error as? SandboxError else { return false }
            return error.code == .invalidArgument && error.message.contains(word)
        }
    }

    @Test("White space that differs is told by its name")
    func space() async throws {
        let validator = try DefaultValidator(arguments: ["space_change_sensitive"])
        let result = try await answer(validator, Array("a\tb".utf8), Array("a b".utf8))
        #expect(result.message == "line 1, column 2: white space differs: expected a space, found a tab")
    }
}
#endif
