// Bad input, each kind with its exact error code, and a sandbox that still works afterwards.
import Foundation
import Sandbox
import Testing

@Suite("Bad input", .shared, .timeLimit(.patient))
struct BadInputTests {
    @Test(
        "Paths that are not below /work", arguments: await ConformanceSubject.all,
        [
            "", "a\0b", "a\nb", "../x", "a/../../x", "/etc/made", "/work/../etc/made", "/workother/x",
            "..",
            "/", "/tmp/x", "a/\0",
        ])
    func paths(subject: ConformanceSubject, path: String) async throws {
        try await subject.withSandbox { sandbox in
            await expectError(.invalidPath, "write") { try await sandbox.write([1], to: path) }
            await expectError(.invalidPath, "read") { try await sandbox.read(path, maxBytes: 1 << 20) }
            let command = Command("/bin/true", inputFiles: [InputFile(path, [1])])
            await expectError(.invalidPath, "input file") { try await sandbox.run(command) }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test(
        "Files of the host cannot be read", arguments: await ConformanceSubject.all,
        ["/etc/passwd", "/work/../etc/passwd", "../etc/passwd", "../../../../etc/passwd"])
    func hostPaths(subject: ConformanceSubject, path: String) async throws {
        try await subject.withSandbox { sandbox in
            await expectError(.invalidPath) { try await sandbox.read(path, maxBytes: 1 << 20) }
        }
    }

    @Test("A name longer than any file system accepts", arguments: await ConformanceSubject.all)
    func longName(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            await expectError(oneOf: [.invalidPath, .fileAccess]) {
                try await sandbox.write([1], to: String(repeating: "n", count: 256))
            }
            await expectError(oneOf: [.invalidPath, .fileAccess]) {
                try await sandbox.write([1], to: String(repeating: "directory/", count: 500) + "x")
            }
        }
    }

    @Test(
        "Files that are missing, directories, and bounds below zero", arguments: await ConformanceSubject.all)
    func reading(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write([1], to: "directory/file")
            await expectError(.fileNotFound) { try await sandbox.read("missing", maxBytes: 1) }
            await expectError(.fileNotFound) { try await sandbox.read("missing/file", maxBytes: 1) }
            await expectError(.notRegularFile) { try await sandbox.read("directory", maxBytes: 1) }
            await expectError(.invalidArgument) { try await sandbox.read("directory/file", maxBytes: -1) }
        }
    }

    @Test("Executables that do not exist", arguments: await ConformanceSubject.all)
    func executableNotFound(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for name in ["./missing", "/missing", "/usr/bin/missing", "no-such-program", "missing/program"] {
                await expectError(.executableNotFound, name) { try await sandbox.run(Command(name)) }
            }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("Executables that cannot be executed", arguments: await ConformanceSubject.all)
    func executableNotRunnable(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write("#!/bin/sh\n", to: "plain")
            try await sandbox.write([1], to: "directory/file")
            try await sandbox.write("neither a binary nor a script", to: "text", executable: true)
            try await sandbox.write([UInt8](), to: "empty", executable: true)
            try await sandbox.write("#!/no/such/interpreter\n", to: "script", executable: true)
            try await sandbox.write([0x7f] + Array("ELF and no more".utf8), to: "elf", executable: true)
            for name in [
                "./plain", "./directory", "./text", "./empty", "./script", "./elf", "/usr", "/etc/passwd",
            ] {
                await expectError(.executableNotRunnable, name) { try await sandbox.run(Command(name)) }
            }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("Commands that no kernel would accept", arguments: await ConformanceSubject.all)
    func commands(subject: ConformanceSubject) async throws {
        let bad = [
            Command(""), Command("a\0b"), Command("/bin/true", ["a\0b"]),
            Command("/bin/true", environment: ["A": "a\0b"]), Command("/bin/true", environment: ["A\0": "b"]),
            Command("/bin/true", environment: ["": "b"]), Command("/bin/true", environment: ["A=B": "c"]),
        ]
        try await subject.withSandbox { sandbox in
            for command in bad {
                await expectError(.invalidArgument, "\(command)") { try await sandbox.run(command) }
            }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("More arguments than the kernel accepts", arguments: await ConformanceSubject.all)
    func longArguments(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let piece = String(repeating: "x", count: 100_000)
            await expectError(.argumentsTooLarge, "10 MB in 100") {
                try await sandbox.run(Command("/bin/true", [String](repeating: piece, count: 100)))
            }
            await expectError(.argumentsTooLarge, "10 MB in one") {
                try await sandbox.run(Command("/bin/true", [String(repeating: "x", count: 10_000_000)]))
            }
            await expectError(.argumentsTooLarge, "10 MB of environment") {
                let variables = (0..<100).map { ("V\($0)", piece) }
                let environment = Dictionary(uniqueKeysWithValues: variables)
                return try await sandbox.run(Command("/bin/true", environment: environment))
            }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("Directories to run in", arguments: await ConformanceSubject.all)
    func directories(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write([1], to: "file")
            func run(_ directory: String) async throws -> RunResult {
                try await sandbox.run(Command("/bin/true", directory: directory))
            }
            await expectError(.fileNotFound) { try await run("missing") }
            await expectError(.fileNotFound) { try await run("/no/such/directory") }
            await expectError(.invalidPath) { try await run("../..") }
            await expectError(.invalidPath) { try await run("a\0b") }
            await expectError(oneOf: [.fileNotFound, .fileAccess, .invalidPath]) { try await run("file") }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    static let badLimits: [Limits] = {
        var all = [
            Limits(wallTime: .zero), Limits(wallTime: .seconds(-1)), Limits(wallTime: .seconds(86_401)),
            Limits(cpuTime: .zero), Limits(cpuTime: .seconds(-1)), Limits(cpuTime: .seconds(86_401)),
        ]
        let fields: [WritableKeyPath<Limits, Int>] = [
            \.memory, \.processes, \.output, \.fileSize, \.disk, \.openFiles, \.stack,
        ]
        for field in fields {
            for value in [-1, Int.min, Int.max] {
                var limits = Limits.standard
                limits[keyPath: field] = value
                all.append(limits)
            }
        }
        for field in [\Limits.memory, \.processes, \.openFiles, \.stack] {
            var limits = Limits.standard
            limits[keyPath: field] = 0
            all.append(limits)
        }
        return all
    }()

    @Test("Limits out of range", arguments: await ConformanceSubject.all)
    func limits(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("nothing")
            for limits in Self.badLimits {
                await expectError(.invalidLimit, "\(limits)") {
                    try await sandbox.run(command, limits: limits)
                }
            }
            expect(try await sandbox.run(command), .exited(code: 0))
        }
    }

    @Test("The longest times are accepted", arguments: await ConformanceSubject.all)
    func longTimes(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .seconds(86_400), cpuTime: .seconds(86_400))
        expect(try await subject.run("nothing", limits: limits), .exited(code: 0))
        let short = Limits(wallTime: .nanoseconds(1))
        expect(try await subject.run("sleep_forever", limits: short), .limitExceeded(.wallTime))
    }

    @Test("A file larger than /work", arguments: await ConformanceSubject.all)
    func noSpace(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write("kept", to: "kept")
            await expectError(.noSpace) {
                try await sandbox.write([UInt8](repeating: 0, count: 1 << 30), to: "large")
            }
            await expectError(.fileNotFound) { try await sandbox.read("large", maxBytes: 2 << 30) }
            #expect(try await sandbox.read("kept", maxBytes: 4) == Array("kept".utf8))
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("A closed sandbox", arguments: await ConformanceSubject.all)
    func closed(subject: ConformanceSubject) async throws {
        let sandbox = try await subject.backend.acquire(subject.options())
        expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        await sandbox.close()
        await sandbox.close()
        await expectError(.sandboxClosed) { try await sandbox.run(Command("/bin/true")) }
        await expectError(.sandboxClosed) { try await sandbox.write([1], to: "x") }
        await expectError(.sandboxClosed) { try await sandbox.read("x", maxBytes: 1) }
    }

    @Test("Requests for what the backend lacks", arguments: await ConformanceSubject.all)
    func unavailable(subject: ConformanceSubject) async throws {
        let backend = subject.backend
        await expectError(.imageUnavailable) {
            try await backend.acquire(SandboxOptions(image: .reference("no/such/image:ever")))
        }
        if !subject.capabilities.rootfsModes.contains(.writable) {
            var options = subject.options()
            options.rootfs = .writable
            await expectError(.writableRootfsUnavailable) { try await backend.acquire(options) }
        }
        if subject.capabilities.level < .strong {
            var options = subject.options()
            options.isolation = .strong
            await expectError(.isolationUnavailable) { try await backend.acquire(options) }
        }
    }
}
