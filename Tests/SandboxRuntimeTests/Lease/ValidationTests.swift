/// Tests that bad input is rejected by name before anything starts.

import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite struct ValidationTests {
    @Test(arguments: [
        ("a", "a"), ("./a", "a"), ("a//b", "a/b"), ("a/../b", "b"), ("/work/a", "a"), ("a/./b/../c", "a/c"),
        ("…/ü", "…/ü"), ("...", "..."),
    ])
    func acceptsWorkPath(_ path: String, _ expected: String) throws {
        #expect(try Validation.workPath(ByteString(path)) == ByteString(expected))
    }

    @Test(arguments: [
        "", ".", "..", "/", "/work", "/work/", "../a", "a/../../b", "/etc/passwd", "/workshop/a", "a\0b",
        "a\nb", "a/",
        String(repeating: "a", count: 256), String(repeating: "a/", count: 1901) + "b",
    ])
    func refusesWorkPath(_ path: String) {
        let error = #expect(throws: SandboxError.self) { try Validation.workPath(ByteString(path)) }
        #expect(error?.code == .invalidPath)
        #expect(error?.hint != nil)
    }

    /// A leak check cannot attach to a program that is traced already.
    @Test(arguments: [
        (nil, "detect_leaks=0"), ("verbosity=1", "detect_leaks=0:verbosity=1"),
        ("detect_leaks=1", "detect_leaks=1"),
        ("a=b:detect_leaks=0", "a=b:detect_leaks=0"), ("", ""),
    ])
    func leavesTheLeakCheckOut(_ own: String?, _ expected: String) throws {
        let environment = own.map { ["LSAN_OPTIONS": $0] } ?? [:]
        let strings = try Validation.strings(of: Command("a", environment: environment))
        let variables = strings.bytes.split(separator: 0).suffix(strings.variableCount)
        #expect(variables.map { String(decoding: $0, as: UTF8.self) }.contains("LSAN_OPTIONS=\(expected)"))
    }

    /// A combining mark joins the slash or dot before it to one Character; to the kernel nothing is joined.
    @Test func splitsAtBytes() throws {
        let cases: [(ByteString, ByteString)] = [
            ("d/\u{301}x", "d/\u{301}x"), ("d/\u{301}/../y", "d/y"), ("/work/\u{301}", "\u{301}"),
            ("./\u{301}", "\u{301}"), ("..\u{301}", "..\u{301}"), (ByteString([0xff]), ByteString([0xff])),
            ("\u{e9}", "\u{e9}"), ("e\u{301}", "e\u{301}"),
        ]
        for (path, expected) in cases { #expect(try Validation.workPath(path) == expected, "\(path)") }
        for path: ByteString in [
            "/\u{301}", "/\u{301}x", "/work\u{301}/x", "a/\u{301}/../..", "a\r\n", "a\r\u{301}", "a/\u{301}/",
        ] {
            let error = #expect(throws: SandboxError.self, "\(path)") { try Validation.workPath(path) }
            #expect(error?.code == .invalidPath)
        }
        #expect(try Validation.directory("/\u{301}") == "/\u{301}")
        #expect(try Validation.directory("\u{301}") == "/work/\u{301}")
        #expect(try Validation.directory(ByteString([0x2f, 0xff])) == ByteString([0x2f, 0xff]))
    }

    @Test func stringsAreBytes() throws {
        var command = Command(ByteString([0xff]), [ByteString([0xc3]), "e\u{301}"])
        command.environment = ["\u{e9}": "composed", "e\u{301}": "decomposed", "X": ByteString([0xfe])]
        command.environment["TZ\u{301}"] = "x"
        let strings = try Validation.strings(of: command)
        let parts = strings.bytes.split(separator: 0).map { ByteString($0) }
        let expected: [ByteString] = [
            "/work", ByteString([0xff]), ByteString([0xff]), ByteString([0xc3]), "e\u{301}",
        ]
        #expect(Array(parts.prefix(5)) == expected)
        for variable: ByteString in [
            "\u{e9}=composed", "e\u{301}=decomposed", ByteString([0x58, 0x3d, 0xfe]), "TZ\u{301}=x", "TZ=UTC",
        ] {
            #expect(parts.contains(variable), "\(variable)")
        }
        for name: ByteString in ["A=", "A=\u{301}", ""] {
            command.environment = [name: "x"]
            #expect(throws: SandboxError.self, "\(name)") { try Validation.strings(of: command) }
        }
    }

    @Test(arguments: LimitKind.allCases, [-1, 0, Int.min, Int.max])
    func refusesAbsurdLimit(_ kind: LimitKind, _ value: Int) {
        var limits = Limits.standard
        switch LimitDescription.of(kind).value {
        case .time(let path): limits[keyPath: path] = .seconds(value)
        case .bytes(let path, let range): limits[keyPath: path] = range.contains(value) ? -5 : value
        case .count(let path, _, _): limits[keyPath: path] = value
        case .processors(let path, _): limits[keyPath: path] = Double(value)
        case .processorSet(let path, _): limits[keyPath: path] = [value == 0 ? -1 : value]
        }
        let error = #expect(throws: SandboxError.self) { try Validation.check(limits) }
        #expect(error?.code == .invalidLimit)
        #expect(error?.message.contains(kind.rawValue) == true)
    }

    @Test(arguments: [-1, 0, 0.009, 8193, .infinity, .nan, -.infinity] as [Double])
    func refusesAbsurdProcessors(_ cpus: Double) {
        let error = #expect(throws: SandboxError.self) { try Validation.check(Limits(cpus: cpus)) }
        #expect(error?.code == .invalidLimit && error?.message.hasPrefix("limit cpus is ") == true)
    }

    @Test(arguments: [[], [-1], [0, 1024], [.min], [.max, 1]] as [Set<Int>])
    func refusesAbsurdSetsOfProcessors(_ cpuSet: Set<Int>) {
        let error = #expect(throws: SandboxError.self) { try Validation.check(Limits(cpuSet: cpuSet)) }
        #expect(error?.code == .invalidLimit && error?.message.hasPrefix("limit cpuSet is ") == true)
    }

    @Test func refusesMoreProcessorsThanTheSetHas() throws {
        try LimitDescription.checkProcessors(Limits(cpus: 2, cpuSet: [0, 5]), has: 2, "this process")
        let error = #expect(throws: SandboxError.self) {
            try LimitDescription.checkProcessors(Limits(cpus: 1.5, cpuSet: [5]), has: 2, "this process")
        }
        #expect(error?.message == "limit cpus is 1.5 processors, and limit cpuSet names 1")
    }

    /// Only the backend knows how many processors there are.
    @Test func refusesMoreProcessorsThanThereAre() throws {
        for cpus in [nil, 0.01, 1, 1.5, 2] as [Double?] {
            try LimitDescription.checkProcessors(Limits(cpus: cpus), has: 2, "this process")
        }
        try LimitDescription.checkProcessors(Limits(cpus: 64), has: 0, "this engine, which does not say")
        for cpus in [2.01, 3, 8192] {
            let error = #expect(throws: SandboxError.self) {
                try LimitDescription.checkProcessors(Limits(cpus: cpus), has: 2, "this process")
            }
            #expect(error?.code == .invalidLimit)
            #expect(error?.message == "limit cpus is \(cpus) processors, and this process has 2")
        }
    }

    @Test func laysOutStrings() throws {
        let strings = try Validation.strings(
            of: Command("./a", ["x", ""], environment: ["TZ": "CET", "A": "1=2"], directory: "sub"))
        let parts = strings.bytes.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        #expect(parts.prefix(5) == ["/work/sub", "./a", "./a", "x", ""])
        #expect(strings.argumentCount == 3)
        #expect(strings.variableCount == 8)
        #expect(parts.contains("TZ=CET") && parts.contains("A=1=2") && parts.contains("HOME=/work"))
        #expect(!parts.contains("TZ=UTC"))
        #expect(parts.contains("USER=sandbox") && parts.contains("LOGNAME=sandbox"))
    }

    /// The caller's variables override the image's, and these override the sandbox's; no image overrides the
    /// user's name.
    @Test func variablesOfAnImage() throws {
        let image: [ByteString: ByteString] = [
            "PATH": "/opt/bin", "HOME": "/root", "USER": "x", "LOGNAME": "x", "LANG": "de_DE", "OWN": "image",
        ]
        let command = Command("a", environment: ["LANG": "fr_FR", "MORE": "1"])
        let strings = try Validation.strings(of: command, image: image)
        let parts = Set(strings.bytes.split(separator: 0).map { ByteString($0) })
        let expected: Set<ByteString> = [
            "PATH=/opt/bin", "HOME=/work", "USER=sandbox", "LOGNAME=sandbox", "LANG=fr_FR", "OWN=image",
            "MORE=1", "TZ=UTC", "LSAN_OPTIONS=detect_leaks=0", "/work", "a",
        ]
        #expect(parts == expected && strings.variableCount == 9)
    }

    /// What the bytes hold, as values; for a program whose `/work` is elsewhere.
    @Test func stringsAsValues() throws {
        let command = Command(
            "a", ["", "b c"], environment: ["HOME": "", "X": ""], directory: "/work/below")
        let strings = try Validation.strings(of: command, work: "/tmp/x")
        #expect(strings.directory == "/tmp/x/below" && strings.executable == "a")
        #expect(strings.arguments == ["a", "", "b c"])
        #expect(strings.variables.count == strings.variableCount)
        #expect(strings.variables.contains("X=") && strings.variables.contains("HOME="))
        let plain = try Validation.strings(of: Command("a"), image: ["HOME": "/root"], work: "/tmp/x")
        #expect(plain.directory == "/tmp/x" && plain.variables.contains("HOME=/tmp/x"))
        let cases: [(ByteString?, ByteString)] = [
            (nil, "/tmp/x"), (".", "/tmp/x"), ("a", "/tmp/x/a"), ("/work", "/tmp/x"), ("/work/", "/tmp/x/"),
            ("/work/a/b", "/tmp/x/a/b"), ("/workother", "/workother"), ("/", "/"), ("/tmp", "/tmp"),
        ]
        for (directory, expected) in cases {
            #expect(try Validation.directory(directory, work: "/tmp/x") == expected)
        }
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
