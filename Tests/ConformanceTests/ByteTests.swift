// Names, arguments and variables are bytes: they pass unchanged, even if they are not UTF-8 or only look
// alike.
import Foundation
import Sandbox
import Testing

@Suite("Bytes", .shared, .timeLimit(.patient))
struct ByteTests {
    static let composed: ByteString = "\u{e9}"
    static let decomposed: ByteString = "e\u{301}"

    /// Bytes that a `String` cannot hold, treats as equal, or splits at other places than the kernel does.
    static let odd: [ByteString] = [
        composed, decomposed, ByteString([0xff]), ByteString([0xfe, 0xc3]), ByteString([0x61, 0x80, 0x62]),
        "\u{301}", "=\u{301}", ByteString([0xed, 0xa0, 0x80]), "\u{10ffff}", "\u{feff}x", "K\u{212a}",
    ]

    @Test("Arguments", arguments: await ConformanceSubject.all)
    func arguments(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            var command = try await sandbox.install("print_arguments")
            command.arguments = Self.odd
            let result = try await sandbox.run(command)
            expect(result, .exited(code: 0))
            let found = result.stdout.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            #expect(found.map { ByteString($0) } == Self.odd, "\(result.summary)")
        }
    }

    @Test("Variables", arguments: await ConformanceSubject.all)
    func variables(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            var command = try await sandbox.install("environment")
            let names = Self.odd.filter { !$0.bytes.contains(UInt8(ascii: "=")) }
            for (name, value) in zip(names, Self.odd.reversed()) { command.environment[name] = value }
            let result = try await sandbox.run(command)
            expect(result, .exited(code: 0))
            let lines = Set(result.stdout.split(separator: UInt8(ascii: "\n")).map { ByteString($0) })
            for (name, value) in zip(names, Self.odd.reversed()) {
                let line = ByteString(name.bytes + [UInt8(ascii: "=")] + value.bytes)
                #expect(lines.contains(line), "\(name): \(result.summary)")
            }
        }
    }

    @Test("Names of files", arguments: await ConformanceSubject.all)
    func files(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for name in Self.odd { try await sandbox.write(name.bytes, to: name) }
            for name in Self.odd {
                #expect(try await sandbox.read(name, maxBytes: 99) == name.bytes, "\(name)")
            }
            // The program sees each of them, and no others.
            let line =
                "for name in *; do test \"$name\" = \"$(cat \"$name\")\" && printf '%s\\n' \"$name\"; done"
            let listed = try await sandbox.run(Command("sh", ["-c", line], environment: ["LC_ALL": "C"]))
            expect(listed, .exited(code: 0))
            let names = listed.stdout.split(separator: UInt8(ascii: "\n")).map { ByteString($0) }
            #expect(names.sorted() == Self.odd.sorted(), "\(listed.summary)")
            // A file that the program writes is readable under its own name only.
            let other = ByteString([0xff, 0xfe])
            let made = try await sandbox.run(Command("sh", ["-c", "echo made > \"$1\"", "sh", other]))
            expect(made, .exited(code: 0))
            #expect(try await sandbox.read(other, maxBytes: 99) == Array("made\n".utf8))
            await expectError(.fileNotFound) {
                try await sandbox.read(ByteString([0xff, 0xfd]), maxBytes: 9)
            }
        }
    }

    @Test("Paths are split at bytes", arguments: await ConformanceSubject.all)
    func paths(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for path: ByteString in ["d/\u{301}x", "d/\u{301}/\u{301}", "/work/\u{301}y", "\u{200d}/z"] {
                try await sandbox.write(path.bytes, to: path)
                #expect(try await sandbox.read(path, maxBytes: 99) == path.bytes, "\(path)")
            }
            let found = try await sandbox.run(Command("cat", ["d/\u{301}x", "\u{301}y"]))
            expect(found, .exited(code: 0))
            for path: ByteString in ["/\u{301}x", "a/\u{301}/../../../x", "/work/\u{301}/../../x"] {
                await expectError(.invalidPath, "\(path)") { try await sandbox.write("x", to: path) }
            }
            // A link is refused as a part of the path, whatever is behind its slash.
            expect(try await sandbox.run(Command("ln", ["-s", "d", "link"])), .exited(code: 0))
            await expectError(.notRegularFile) { try await sandbox.write("x", to: "link/\u{301}x") }
            await expectError(.notRegularFile) { try await sandbox.read("link/\u{301}x", maxBytes: 99) }
        }
    }

    @Test("The executable, the directory and input files", arguments: await ConformanceSubject.all)
    func commands(subject: ConformanceSubject) async throws {
        let directory = ByteString([0x64, 0xff])
        let name = ByteString([0x78, 0xfe])
        let script = Array("#!/bin/sh\nls\n".utf8)
        let path = ByteString(directory.bytes + [UInt8(ascii: "/")] + name.bytes)
        let command = Command(
            ByteString(Array("./".utf8) + name.bytes), directory: directory,
            inputFiles: [InputFile(path, script, executable: true)])
        let result = try await subject.withSandbox { try await $0.run(command) }
        expect(result, .exited(code: 0))
        #expect(result.stdout == name.bytes + [UInt8(ascii: "\n")], "\(result.summary)")
    }

    @Test("The execute bit comes back", arguments: await ConformanceSubject.all)
    func executeBit(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write("in", to: "in", executable: true)
            #expect(
                try await sandbox.readFile("in", maxBytes: 9)
                    == OutputFile(Array("in".utf8), executable: true))
            let line = "echo a > plain; echo b > own; chmod 700 own; echo c > others; chmod 677 others"
            expect(try await sandbox.run(Command("sh", ["-c", line])), .exited(code: 0))
            #expect(try await !sandbox.readFile("plain", maxBytes: 9).executable)
            #expect(try await sandbox.readFile("own", maxBytes: 9).executable)
            #expect(try await !sandbox.readFile("others", maxBytes: 9).executable)
        }
    }

    @Test("A file of the host as stdin", arguments: await ConformanceSubject.all)
    func hostFile(subject: ConformanceSubject) async throws {
        let path = ByteString(
            Array(Programs.temporaryFolder.utf8) + Array("/in".utf8) + [0xff, UInt8.random(in: 0x80...0xfe)])
        let file = path.bytes.withUnsafeBytes { bytes in
            open(bytes.map { CChar(bitPattern: $0) } + [0], O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        }
        try #require(file >= 0)
        #expect(write(file, "content", 7) == 7)
        close(file)
        let result = try await subject.run("echo_stdin", stdin: .file(path: path))
        #expect(result.stdoutText == "content", "\(result.summary)")
    }
}
