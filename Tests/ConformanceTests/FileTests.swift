// Files written to and read from /work, hostile ones included.
import Foundation
import Sandbox
import Testing

@Suite("Files", .shared, .timeLimit(.patient))
struct FileTests {
    @Test(
        "The caller reads what it wrote, and the program sees it as its own",
        arguments: await ConformanceSubject.all)
    func roundTrip(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for (path, count) in [("empty", 0), ("one", 1), ("a/b/c/deep", 70_000), ("large", 5_000_000)] {
                let bytes = pattern(count)
                try await sandbox.write(bytes, to: path)
                expectEqual(try await sandbox.read(path, maxBytes: 8 << 20), bytes, path)
            }
            let line =
                "wc -c < a/b/c/deep && echo more >> one && test -O one && test ! -x one && rm large a/b/c/deep"
            let result = try await sandbox.run(Command("/bin/sh", ["-c", line]))
            expect(result, .exited(code: 0))
            #expect(result.stdoutText.trimmingCharacters(in: .whitespacesAndNewlines) == "70000")
            #expect(try await sandbox.read("one", maxBytes: 100) == [0] + Array("more\n".utf8))
            await expectError(.fileNotFound) { try await sandbox.read("large", maxBytes: 8 << 20) }
        }
    }

    @Test("Modes, replacement and paths below /work", arguments: await ConformanceSubject.all)
    func modes(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write("#!/bin/sh\necho first", to: "script", executable: true)
            try await sandbox.write(
                "#!/bin/sh\necho second, and longer", to: "/work/script", executable: true)
            try await sandbox.write("text", to: "./plain")
            let result = try await sandbox.run(Command("./script"))
            expect(result, .exited(code: 0))
            #expect(result.stdoutText == "second, and longer\n", "\(result.summary)")
            let modes = try await sandbox.run(Command("stat", ["-c", "%a", "script", "plain"]))
            #expect(modes.lines == ["755", "644"], "\(modes.summary)")
            try await sandbox.write("s", to: "script")
            #expect(try await sandbox.read("/work/script", maxBytes: 1) == [UInt8(ascii: "s")])
        }
    }

    @Test("Input files come with the command", arguments: await ConformanceSubject.all)
    func inputFiles(subject: ConformanceSubject) async throws {
        let command = Command(
            "cat", ["first", "below/second"],
            inputFiles: [
                InputFile("first", Array("1".utf8)), InputFile("below/second", Array("2".utf8)),
            ])
        let result = try await subject.withSandbox { try await $0.run(command) }
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "12", "\(result.summary)")
    }

    @Test("Names with spaces, UTF-8 and 255 bytes", arguments: await ConformanceSubject.all)
    func oddNames(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for name in [" ", "-rf", "kůň 🐎", "a\"b'c\\d", String(repeating: "n", count: 255), "..."] {
                try await sandbox.write("named", to: name)
                #expect(try await sandbox.read(name, maxBytes: 5) == Array("named".utf8), "\(name)")
            }
        }
    }

    @Test("The program's own odd names harm nobody", arguments: await ConformanceSubject.all)
    func programsOddNames(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "odd_names"), .exited(code: 0))
            #expect(try await sandbox.read("café", maxBytes: 1) == [UInt8(ascii: "x")])
        }
    }

    @Test(
        "Reading a file larger than the bound is an error, and returns no part of it",
        arguments: await ConformanceSubject.all)
    func bounds(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write([1, 2, 3], to: "three")
            try await sandbox.write([UInt8](), to: "empty")
            #expect(try await sandbox.read("three", maxBytes: 3) == [1, 2, 3])
            await expectError(.fileTooLarge) { try await sandbox.read("three", maxBytes: 2) }
            #expect(try await sandbox.read("empty", maxBytes: 0).isEmpty)
            let sparse = try await sandbox.run(program: "sparse_file", ["\(48 << 20)"])
            expect(sparse, .exited(code: 0))
            await expectError(.fileTooLarge) { try await sandbox.read("sparse", maxBytes: 1 << 20) }
        }
    }

    @Test("Only regular files come out", arguments: await ConformanceSubject.all)
    func oddOutputs(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "odd_outputs"), .exited(code: 0))
            let odd = [
                "to-plain", "to-passwd", "to-environ", "dangling", "loop", "to-zero", "to-etc", "fifo",
                "directory", "socket", "to-etc/passwd", "here/plain",
            ]
            for path in odd {
                await expectError(.notRegularFile, path) { try await sandbox.read(path, maxBytes: 1 << 20) }
            }
            #expect(try await sandbox.read("plain", maxBytes: 5) == Array("plain".utf8))
            #expect(try await sandbox.read("hard", maxBytes: 5) == Array("plain".utf8))
        }
    }

    @Test("Writing replaces a link instead of following it", arguments: await ConformanceSubject.all)
    func writeOverLinks(subject: ConformanceSubject) async throws {
        // A backend that follows the link overwrites this file of the host, which no one needs.
        let outside = Programs.temporaryFolder + "/outside-\(UInt64.random(in: 0...UInt64.max))"
        try Data("host".utf8).write(to: URL(fileURLWithPath: outside))
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "odd_outputs", [outside]), .exited(code: 0))
            for path in ["to-plain", "to-outside", "dangling", "fifo", "hard"] {
                try await sandbox.write("new \(path)", to: path)
                #expect(try await sandbox.read(path, maxBytes: 64) == Array("new \(path)".utf8), "\(path)")
            }
            #expect(try await sandbox.read("plain", maxBytes: 64) == Array("plain".utf8))
            await expectError(.fileNotFound) { try await sandbox.read("nowhere", maxBytes: 64) }
            await expectError(.notRegularFile) { try await sandbox.write("x", to: "here/through") }
            await expectError(.notRegularFile) { try await sandbox.write("x", to: "directory") }
            await expectError(.fileNotFound) { try await sandbox.read("through", maxBytes: 64) }
        }
        let after = try Data(contentsOf: URL(fileURLWithPath: outside))
        #expect(after == Data("host".utf8), "the host's own file was written to")
    }

    @Test("No file from outside comes in by a hard link", arguments: await ConformanceSubject.all)
    func nothingOutsideByHardLink(subject: ConformanceSubject) async throws {
        expect(try await subject.run("link_outside"), .exited(code: 0))
    }

    @Test("A thousand directories deep", arguments: await ConformanceSubject.all)
    func deep(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "deep_directories", ["1000"]), .exited(code: 0))
            let path = String(repeating: "d/", count: 1000) + "file"
            #expect(try await sandbox.read(path, maxBytes: 4) == Array("deep".utf8))
        }
        // Deeper than any path can name: only the removal visits it.
        expect(try await subject.run("deep_directories", ["5000"]), .exited(code: 0))
        expect(try await subject.run("nothing"), .exited(code: 0))
    }

    @Test(
        "Directories that the program locked do not keep the sandbox from closing",
        arguments: await ConformanceSubject.all)
    func locked(subject: ConformanceSubject) async throws {
        for _ in 0..<3 {
            try await subject.withSandbox { sandbox in
                expect(try await sandbox.run(program: "lock_directories"), .exited(code: 0))
                await expectError(oneOf: [.fileNotFound, .fileAccess]) {
                    try await sandbox.read("missing", maxBytes: 1)
                }
            }
        }
        let fresh = try await subject.run("list_directory", ["/work", "/tmp"])
        expect(fresh, .exited(code: 0))
        #expect(fresh.lines == ["victim"], "\(fresh.summary)")
    }

    @Test("The program cannot be written to while it runs", arguments: await ConformanceSubject.all)
    func rewriteSelf(subject: ConformanceSubject) async throws {
        expect(try await subject.run("rewrite_self"), .exited(code: 0))
    }

    @Test("A directory of the command's own", arguments: await ConformanceSubject.all)
    func directory(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            try await sandbox.write("here", to: "below/file")
            let relative = try await sandbox.run(Command("cat", ["file"], directory: "below"))
            #expect(relative.stdoutText == "here", "\(relative.summary)")
            for (directory, expected) in [
                (nil, "/work"), ("below", "/work/below"), ("/tmp", "/tmp"), ("/", "/"), (".", "/work"),
            ] as [(String?, String)] {
                let result = try await sandbox.run(Command("/bin/pwd", directory: directory))
                #expect(result.stdoutText == expected + "\n", "\(result.summary)")
            }
        }
    }
}
