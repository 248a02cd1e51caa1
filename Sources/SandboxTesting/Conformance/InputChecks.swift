/// Checks of standard input in each of its forms, of arguments and of variables.

import Glibc
import SandboxAPI

enum InputChecks {
    static let all = [
        none, bytes, unread, hostFile, badHostFiles, stream, endlessStream, arguments, variables, environment,
    ]

    private static let wide = Limits(wallTime: .seconds(120), cpuTime: .seconds(60), output: 8 << 20)

    static let none = ConformanceCheck("No stdin is an empty one") { it in
        it.expect(try await it.run("exec \(it.tools.cat)"), exited: 0, stdout: "", stderr: "")
    }

    static let bytes = ConformanceCheck("Bytes come as stdin, few and many") { it in
        try await it.withSandbox { sandbox in
            for count in [0, 1, 65_537, 2_000_000] {
                let bytes = ConformanceContext.pattern(count)
                let result = try await sandbox.run(
                    Command(it.tools.cat), stdin: .bytes(bytes), limits: wide)
                it.expect(result, exited: 0)
                it.expectEqual(result.stdout, bytes, "\(count) bytes of stdin")
            }
        }
    }

    static let unread = ConformanceCheck("A program need not read its stdin") { it in
        let bytes = ConformanceContext.pattern(2_000_000)
        it.expect(try await it.run("exit 6", stdin: .bytes(bytes)), exited: 6)
        it.expect(try await it.run("exec <&-; exit 7", stdin: .bytes(bytes)), exited: 7)
        let chunks = AsyncStream<[UInt8]> { continuation in
            for _ in 0..<20 { continuation.yield(ConformanceContext.pattern(100_000)) }
            continuation.finish()
        }
        it.expect(try await it.run("exit 8", stdin: .stream(chunks)), exited: 8)
    }

    static let hostFile = ConformanceCheck("A file of the host comes as stdin, and stays as it was") { it in
        let bytes = ConformanceContext.pattern(300_000)
        try await it.withHostFile(bytes) { path in
            let result = try await it.run("exec \(it.tools.cat)", stdin: .file(path: path), limits: wide)
            it.expect(result, exited: 0)
            it.expectEqual(result.stdout, bytes, "a file as stdin")
            // The program gets a pipe, not the file, so that writing there changes nothing.
            let written = try await it.run("echo harm >&0", stdin: .file(path: path))
            it.check(
                !written.outcome.isSuccess, "a program could write to its stdin:\n\(written.testDescription)")
            it.check(ConformanceContext.contents(ofHost: path) == bytes, "the host's file was changed")
        }
    }

    static let badHostFiles = ConformanceCheck("A file of the host that is missing or none is an error") {
        it in
        try await it.withSandbox { sandbox in
            for (path, code) in [
                ("/no/such/file", SandboxError.Code.fileNotFound), ("/usr", .notRegularFile),
                ("/dev/zero", .notRegularFile),
            ] {
                await it.expectError(code) {
                    try await sandbox.run(it.shell("exit 0"), stdin: .file(path: path))
                }
            }
        }
    }

    static let stream = ConformanceCheck("A stream comes as stdin, and ends with it") { it in
        let bytes = ConformanceContext.pattern(500_000)
        let chunks = AsyncStream<[UInt8]> { continuation in
            for start in stride(from: 0, to: bytes.count, by: 30_000) {
                continuation.yield(Array(bytes[start..<min(start + 30_000, bytes.count)]))
                continuation.yield([])
            }
            continuation.finish()
        }
        let result = try await it.run("exec \(it.tools.cat)", stdin: .stream(chunks), limits: wide)
        it.expect(result, exited: 0)
        it.expectEqual(result.stdout, bytes, "a stream as stdin")
    }

    static let endlessStream = ConformanceCheck(
        "A stream that does not end does not hold up the end of a run"
    ) { it in
        let (chunks, continuation) = AsyncStream<[UInt8]>.makeStream()
        continuation.yield(Array("line\nmore".utf8))
        let result = try await it.run("read line; echo \"$line\"", stdin: .stream(chunks))
        it.expect(result, exited: 0, stdout: "line\n")
        continuation.finish()
    }

    /// Bytes that are not UTF-8, that a `String` would change, or that a shell would split.
    static let odd: [ByteString] = [
        "\u{e9}", "e\u{301}", ByteString([0xff]), ByteString([0xfe, 0xc3]), ByteString([0x61, 0x80, 0x62]),
        "\u{301}", "\u{feff}x", " ", "a b", "\"'\\$(id)`", "-n", "*",
    ]

    static let arguments = ConformanceCheck("Arguments arrive byte for byte") { it in
        let given = odd + ["", "new\nline"]
        let result = try await it.run("for word; do printf '%s\\000' \"$word\"; done", given)
        it.expect(result, exited: 0)
        let found = result.stdout.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        it.check(found.map { ByteString($0) } == given, "arguments:\n\(result.testDescription)")
    }

    static let variables = ConformanceCheck("Variables arrive byte for byte") { it in
        for value in odd + ["", "new\nline", "a=b"] {
            var command = it.shell("printf '<%s>' \"$GIVEN\"")
            command.environment["GIVEN"] = value
            let result = try await it.withSandbox {
                try await $0.run(command, limits: ConformanceContext.patient)
            }
            it.expect(result, exited: 0)
            it.check(
                ByteString(result.stdout) == ByteString([0x3c] + value.bytes + [0x3e]),
                "the variable \(value):\n\(result.testDescription)")
        }
    }

    static let environment = ConformanceCheck("The environment is the documented one, and not the embedder's")
    { it in
        let documented = try await it.run(
            "printf '%s|%s|%s' \"$LANG\" \"$TZ\" \"${PATH:+path}\"; test -n \"$HOME\"")
        it.expect(documented, exited: 0, stdout: "C.UTF-8|UTC|path")
        let names = embeddersVariables()
        let leaked = try await it.run(
            "for name; do eval \"test -z \\\"\\${$name+x}\\\"\" || echo \"$name\"; done", names)
        it.expect(leaked, exited: 0, stdout: "", stderr: "")
    }

    /// The names of this process's own variables that no sandbox sets, and that a shell can print.
    static func embeddersVariables() -> [ByteString] {
        // Variables that a shell sets itself, and those that the sandbox sets.
        let own: Set = [
            "PATH", "HOME", "LANG", "TZ", "LSAN_OPTIONS", "USER", "LOGNAME", "PWD", "OLDPWD", "SHLVL", "_",
            "IFS",
            "OPTIND", "PPID", "PS1", "PS2", "PS4", "TMPDIR",
        ]
        var names: [ByteString] = []
        var next = environ
        while let entry = next.pointee {
            let name = String(cString: entry).prefix { $0 != "=" }
            let isPlain = name.utf8.allSatisfy {
                ($0 >= 0x30 && $0 < 0x3a) || ($0 | 0x20 >= 0x61 && $0 | 0x20 < 0x7b) || $0 == 0x5f
            }
            if isPlain, !name.isEmpty, name.first?.isNumber == false, !own.contains(String(name)) {
                names.append(ByteString(String(name)))
            }
            next += 1
        }
        return names
    }
}
