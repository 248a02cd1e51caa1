/// Bad input is named before anything is touched.

import Testing

@testable import Sandbox

@Suite struct ValidationTests {
    @Test(arguments: [
        ("a", "a"), ("./a", "a"), ("a//b", "a/b"), ("a/../b", "b"), ("/work/a", "a"), ("a/./b/../c", "a/c"),
        ("…/ü", "…/ü"), ("...", "..."),
    ])
    func acceptsWorkPath(_ path: String, _ expected: String) throws {
        #expect(try Validation.workPath(path) == expected)
    }

    @Test(arguments: [
        "", ".", "..", "/", "/work", "/work/", "../a", "a/../../b", "/etc/passwd", "/workshop/a", "a\0b",
        "a\nb", "a/",
        String(repeating: "a", count: 256), String(repeating: "a/", count: 1901) + "b",
    ])
    func refusesWorkPath(_ path: String) {
        let error = #expect(throws: SandboxError.self) { try Validation.workPath(path) }
        #expect(error?.code == .invalidPath)
        #expect(error?.hint != nil)
    }

    @Test(arguments: LimitKind.allCases, [-1, 0, Int.min, Int.max])
    func refusesAbsurdLimit(_ kind: LimitKind, _ value: Int) {
        var limits = Limits.standard
        switch kind {
        case .wallTime: limits.wallTime = .seconds(value)
        case .cpuTime: limits.cpuTime = .seconds(value)
        case .memory: limits.memory = value
        case .output: limits.output = value == 0 ? -5 : value
        case .processes: limits.processes = value
        case .disk: limits.disk = value
        case .fileSize: limits.fileSize = value == 0 ? -5 : value
        case .openFiles: limits.openFiles = value
        case .stack: limits.stack = value
        }
        let error = #expect(throws: SandboxError.self) { try Validation.check(limits) }
        #expect(error?.code == .invalidLimit)
        #expect(error?.message.contains(kind.rawValue) == true)
    }

    @Test func laysOutStrings() throws {
        let strings = try Validation.strings(
            of: Command("./a", ["x", ""], environment: ["TZ": "CET", "A": "1=2"], directory: "sub"))
        let parts = strings.bytes.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        #expect(parts.prefix(5) == ["/work/sub", "./a", "./a", "x", ""])
        #expect(strings.argumentCount == 3)
        #expect(strings.variableCount == 7)
        #expect(parts.contains("TZ=CET") && parts.contains("A=1=2") && parts.contains("HOME=/work"))
        #expect(!parts.contains("TZ=UTC"))
        #expect(parts.contains("USER=sandbox") && parts.contains("LOGNAME=sandbox"))
    }

    @Test(arguments: [
        Command(""), Command("a\0b"), Command("a\nb"), Command("a", ["x\0y"]),
        Command("a", environment: ["": "x"]), Command("a", environment: ["A=B": "x"]),
        Command("a", environment: ["A": "x\0"]),
    ])
    func refusesCommand(_ command: Command) {
        let error = #expect(throws: SandboxError.self) { try Validation.strings(of: command) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func refusesWhatTheKernelCannotTake() {
        let many = Command("a", Array(repeating: String(repeating: "x", count: 1000), count: 10_000))
        let long = Command("a", [String(repeating: "x", count: 200_000)])
        for command in [many, long] {
            let error = #expect(throws: SandboxError.self) { try Validation.strings(of: command) }
            #expect(error?.code == .argumentsTooLarge)
        }
    }
}
