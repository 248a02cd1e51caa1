#if Judge
import SandboxTesting
import Testing

@testable import SandboxJudge

/// What a checker says of an output; the fake backend runs nothing.
func answer(_ checker: any Checker, _ output: [UInt8], _ answer: [UInt8]) async throws -> CheckResult {
    let test = TestCase("t", input: .bytes([]), answer: .bytes(answer))
    return try await checker.check(output, of: test, on: FakeBackend())
}

private func accepts(_ checker: any Checker, _ output: String, _ expected: String) async throws -> Bool {
    try await answer(checker, Array(output.utf8), Array(expected.utf8)).verdict == .accepted
}

@Suite("Built-in checkers")
struct ComparisonTests {
    @Test(
        "Exact",
        arguments: [
            ("a\n", "a\n", true), ("a", "a\n", false), ("a \n", "a\n", false), ("", "", true),
            ("\n", "", false),
            ("é", "é", true), ("A", "a", false),
        ])
    func exact(_ output: String, _ expected: String, _ isRight: Bool) async throws {
        #expect(try await accepts(ExactChecker(), output, expected) == isRight)
    }

    @Test("An exact checker tells presentation where it is asked to")
    func presentation() async throws {
        let checker = ExactChecker(tellsPresentation: true)
        #expect(try await answer(checker, [0x61, 0x20], [0x61]).verdict == .presentationError)
        #expect(try await answer(checker, [0x62, 0x20], [0x61]).verdict == .wrongAnswer)
        #expect(try await answer(checker, [0x61], [0x61]).verdict == .accepted)
    }

    @Test(
        "Tokens",
        arguments: [
            ("1 2\n3", " 1\t2 3\n\n", true), ("1\u{b}2\u{c}3\r\n", "1 2 3", true), ("", " \n", true),
            ("1 2", "1 2 3", false), ("1 2 3", "1 2", false), ("12", "1 2", false), ("a", "A", false),
            ("\u{a0}", "", false), ("1\u{0}", "1", false), ("1\u{0}2", "1 2", false),
        ])
    func tokens(_ output: String, _ expected: String, _ isRight: Bool) async throws {
        #expect(try await accepts(TokenChecker(), output, expected) == isRight)
    }

    @Test("Tokens without regard to case: ASCII letters alone")
    func caseInsensitive() async throws {
        let checker = TokenChecker(isCaseSensitive: false)
        #expect(try await accepts(checker, "YES zZ", "yes Zz"))
        #expect(try await !accepts(checker, "É", "é"))
        #expect(try await !accepts(checker, "@", "`"))
    }

    @Test(
        "Lines",
        arguments: [
            ("a b\nc\n", "a b\nc\n", true), ("a b \t\r\nc", "a b\nc\n\n\n", true), ("a\n\n\n", "a", true),
            ("", "\n \n", true), ("a  b", "a b", false), (" a", "a", false), ("a\n\nb", "a\nb", false),
            ("a\nb", "a", false), ("a", "a\nb", false), ("\na", "a", false),
        ])
    func lines(_ output: String, _ expected: String, _ isRight: Bool) async throws {
        #expect(try await accepts(LineChecker(), output, expected) == isRight)
    }

    @Test(
        "Lines in any order, each as often",
        arguments: [
            ("b\na\n", "a\nb\n", true), ("a\nb \na", "a\na\nb\n\n", true), ("", "", true),
            ("a\nb", "a\na\nb", false), ("a\na\nb", "a\nb\nb", false), ("a\nc", "a\nb", false),
            ("a", "", false),
            ("", "a", false), ("a b", "b a", false),
        ])
    func unordered(_ output: String, _ expected: String, _ isRight: Bool) async throws {
        #expect(try await accepts(UnorderedLinesChecker(), output, expected) == isRight)
    }

    @Test(
        "Numbers within a tolerance",
        arguments: [
            ("0.1000001", "0.1", 1e-6, nil, true), ("0.10001", "0.1", 1e-6, nil, false),
            ("1000001", "1000000", nil, 1e-6, true), ("1000002", "1000000", nil, 1e-6, false),
            ("0.001", "0", nil, 1e-6, false), ("0.0000001", "0", 1e-6, 1e-6, true),
            ("1e5", "100000", 0, 0, true), ("+1", "1", 0, nil, true), ("-0", "0", 0, nil, true),
            (".5", "0.5", 0, nil, true), ("5.", "5", 0, nil, true), ("5.e0", "5", 0, nil, true),
            ("1E+05", "100000", 0, nil, true), ("00001", "1", 0, nil, true),
            ("1e-999", "0", 0, nil, true), ("nan", "1", 1e300, 1e300, false),
            ("inf", "1", 1e300, 1e300, false),
            ("1e999", "1", 1e300, 1e300, false), ("0x10", "16", 1, nil, false), ("1e", "1", 1, nil, false),
            ("1e+", "1", 1, nil, false), (".", "0", 1, nil, false), ("1.5.", "1.5", 1, nil, false),
            ("1,5", "1.5", 1, nil, false), ("1.5x", "1.5", 1, nil, false), ("--1", "-1", 1, nil, false),
            ("1 000", "1000", 1e9, nil, false), ("yes", "1", 1, nil, false), ("1", "yes", 1, nil, false),
            ("yes 1.01", "yes 1", 0.1, nil, true), ("1.01", "1", nil, nil, false),
        ] as [(String, String, Double?, Double?, Bool)])
    func floats(
        _ output: String, _ expected: String, _ absolute: Double?, _ relative: Double?, _ isRight: Bool
    ) async throws {
        let checker = FloatChecker(absolute: absolute, relative: relative)
        #expect(try await accepts(checker, output, expected) == isRight)
    }

    @Test("A difference is told by place, briefly, and with nothing that a terminal obeys")
    func messages() async throws {
        func message(_ checker: any Checker, _ output: String, _ expected: String) async throws -> String {
            try await answer(checker, Array(output.utf8), Array(expected.utf8)).message
        }
        #expect(
            try await message(TokenChecker(), "1 2\n3  4x 5\n", "1 2 3 4 5")
                == #"line 2, column 4 (token 4): expected "4", found "4x""#)
        #expect(
            try await message(TokenChecker(), "1 2\n", "1 2 3")
                == #"line 2, column 1 (token 3): the output ends where "3" is expected"#)
        #expect(
            try await message(TokenChecker(), "1 2", "1")
                == #"line 1, column 3 (token 2): nothing more is expected, found "2""#)
        #expect(
            try await message(LineChecker(), "a\nbcd", "a\nbce")
                == #"line 2, column 3: expected "e", found "d""#)
        #expect(
            try await message(ExactChecker(), "a", "a\n")
                == #"line 1, column 2: expected "\n", found the end"#)
        #expect(
            try await message(FloatChecker(absolute: 0.1), "2", "1.5")
                == #"line 1, column 1 (token 1): expected "1.5", found "2", which is 0.5 from it"#)
        let hostile = "\u{1b}]0;owned\u{7}\u{202e}" + String(repeating: "x", count: 1 << 20)
        for checker in [TokenChecker(), LineChecker(), UnorderedLinesChecker(), ExactChecker()]
            as [any Checker]
        {
            let text = try await message(checker, hostile, "a")
            #expect(text.utf8.count < 1000)
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202e}" })
        }
        let bytes = try await answer(TokenChecker(), [0xff, 0xfe, 0], [0x61])
        #expect(bytes.message.contains(#"\xff\xfe"#))
        #expect(bytes.teamMessage == "")
    }

    @Test("Megabytes of one token, of tokens, of white space and of blank lines are compared in linear time")
    func large() async throws {
        let count = 1 << 20
        let long = [UInt8](repeating: 0x37, count: count)
        let many = Array(String(repeating: "1 ", count: count / 2).utf8)
        let lines = Array(String(repeating: "a\n", count: count / 4).utf8)
        let space = [UInt8](repeating: 0x0a, count: count)
        let number = [0x30, 0x2e] + long
        #expect(try await answer(FloatChecker(relative: 1e-9), number + [0x30], number).verdict == .accepted)
        // Beyond the largest number digits count, or all such numbers were the same.
        #expect(try await answer(FloatChecker(relative: 1e-9), long + [0x37], long).verdict == .wrongAnswer)
        #expect(try await answer(TokenChecker(), many, many + [0x31]).verdict == .wrongAnswer)
        #expect(try await answer(TokenChecker(), space + [0x31], [0x31]).verdict == .accepted)
        #expect(try await answer(LineChecker(), [0x31] + space, [0x31]).verdict == .accepted)
        #expect(
            try await answer(UnorderedLinesChecker(), lines + [0x62], [0x62, 0x0a] + lines).verdict
                == .accepted)
    }

    @Test("An answer in a file; one that is missing or no regular file is an error that names it")
    func answerFile() async throws {
        func check(_ path: ByteString) async throws -> CheckResult {
            let test = TestCase("t", input: .bytes([]), answer: .file(path: path))
            return try await TokenChecker().check([0x31], of: test, on: FakeBackend())
        }
        let path = try #require(TemporaryFile.make(Array("1\n".utf8)))
        defer { TemporaryFile.remove(path) }
        #expect(try await check(ByteString(path)).verdict == .accepted)
        let small = TestData.file(path: ByteString(path))
        await #expect { try await small.read(maxBytes: 1) } throws: {
            ($0 as? SandboxError)?.code == .fileTooLarge
        }
        for (path, code) in [
            ("/nonexistent/answer", SandboxError.Code.fileNotFound), ("/dev/null", .notRegularFile),
            ("/tmp", .notRegularFile), ("", .invalidPath),
        ] {
            await #expect { try await check(ByteString(path)) } throws: {
                guard let error = $0 as? SandboxError else { return false }
                return error.code == code && error.message.contains(path)
            }
        }
    }
}
#endif
