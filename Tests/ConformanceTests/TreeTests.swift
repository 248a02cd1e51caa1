// Directories that a program makes to harm a backend that lists, reads or removes them.
import Foundation
import Sandbox
import Testing

@Suite("Trees", .shared, .timeLimit(.patient))
struct TreeTests {
    @Test("Every kind of file is listed as what it is", arguments: await ConformanceSubject.all)
    func kinds(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "odd_outputs"), .exited(code: 0))
            let entries = try await sandbox.list(".", maxEntries: 100)
            let kinds = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.info.kind) })
            for (name, kind) in [
                ("plain", .regular), ("to-passwd", .symbolicLink), ("loop", .symbolicLink),
                ("fifo", .special), ("socket", .special), ("directory", .directory),
            ] as [(ByteString, FileKind)] {
                #expect(kinds[name] == kind, "\(name) is \(String(describing: kinds[name]))")
            }
            #expect(entries.map(\.name) == entries.map(\.name).sorted())
            let age = Date().timeIntervalSince1970
            let written = try await sandbox.info(of: "plain").modified / .seconds(1)
            #expect(abs(age - written) < 3600, "a file of \(written)")
        }
    }

    @Test("A tree of odd files is an archive that tar reads", arguments: await ConformanceSubject.all)
    func archive(subject: ConformanceSubject) async throws {
        let folder = Programs.temporaryFolder + "/tree-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "odd_outputs"), .exited(code: 0))
            expect(try await sandbox.run(program: "odd_names"), .exited(code: 0))
            let deep = ByteString(String(repeating: "deep/", count: 60) + "file")
            try await sandbox.write("deep", to: deep)
            var bytes: [UInt8] = []
            for try await piece in sandbox.readTree() { bytes += piece }
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/tree.tar"))
            let tar = Process()
            tar.executableURL = URL(fileURLWithPath: "/bin/tar")
            tar.arguments = ["--no-same-owner", "-xf", folder + "/tree.tar", "-C", folder]
            try tar.run()
            tar.waitUntilExit()
            #expect(tar.terminationStatus == 0)
            #expect(try String(contentsOfFile: "\(folder)/\(deep)", encoding: .utf8) == "deep")
            #expect(try String(contentsOfFile: folder + "/hard", encoding: .utf8) == "plain")
            let target = try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/to-passwd")
            #expect(target == "/etc/passwd")
            // Neither the FIFO nor the socket.
            #expect(!FileManager.default.fileExists(atPath: folder + "/fifo"))
            // All names but those with newlines, which no new file may have, go back in.
            let listed = try await sandbox.list(".", maxEntries: 200).map(\.name)
            #expect(listed.contains { $0.bytes.contains(10) }, "odd_names makes no newline: \(listed)")
            for name in listed where name.bytes.contains(10) { try await sandbox.remove(name) }
            bytes = []
            for try await piece in sandbox.readTree() { bytes += piece }
            try await sandbox.writeTree(bytes, to: "again")
            #expect(try await sandbox.read("again/" + deep, maxBytes: 9) == Array("deep".utf8))
        }
    }

    @Test("Archives of tar's own come in", arguments: await ConformanceSubject.all)
    func archivesOfTar(subject: ConformanceSubject) async throws {
        let folder = Programs.temporaryFolder + "/tree-\(UInt64.random(in: 0...UInt64.max))"
        let files = FileManager.default
        try files.createDirectory(atPath: folder + "/in/d", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder) }
        try Data(pattern(700_000)).write(to: URL(fileURLWithPath: folder + "/in/d/large"))
        try Data("#!/bin/sh\necho ran\n".utf8).write(to: URL(fileURLWithPath: folder + "/in/script"))
        try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder + "/in/script")
        try files.linkItem(atPath: folder + "/in/script", toPath: folder + "/in/zhard")
        try files.createSymbolicLink(atPath: folder + "/in/link", withDestinationPath: "d/large")
        for format in ["ustar", "pax", "gnu"] {
            let tar = Process()
            let output = Pipe()
            tar.executableURL = URL(fileURLWithPath: "/bin/tar")
            tar.arguments = ["--format=\(format)", "-cf", "-", "-C", folder + "/in", "."]
            tar.standardOutput = output
            try tar.run()
            let bytes = [UInt8](try output.fileHandleForReading.readToEnd() ?? Data())
            tar.waitUntilExit()
            try await subject.withSandbox { sandbox in
                let pieces = AsyncStream { continuation in
                    for start in stride(from: 0, to: bytes.count, by: 999) {
                        continuation.yield(bytes[start..<min(start + 999, bytes.count)])
                    }
                    continuation.finish()
                }
                try await sandbox.writeTree(pieces, to: "in")
                expectEqual(
                    try await sandbox.read("in/d/large", maxBytes: 1 << 20), pattern(700_000), format)
                for name in ["in/script", "in/zhard"] {
                    let ran = try await sandbox.run(Command("./\(name)"))
                    #expect(ran.stdoutText == "ran\n", "\(format), \(name): \(ran.summary)")
                }
                #expect(try await sandbox.info(of: "in/link").target == "d/large")
            }
        }
    }

    @Test("What the program locked, hid or made deep is removed", arguments: await ConformanceSubject.all)
    func removal(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let line = """
                mkdir -p t/locked/below t/unwritable/below && : > t/locked/below/f && : > t/unwritable/below/f
                chmod 0 t/locked/below && chmod 0 t/locked && chmod 555 t/unwritable/below && chmod 555 t/unwritable
                ln -s / t/out && mkfifo t/fifo && chmod 0 t/fifo
                """
            expect(try await sandbox.run(Command("/bin/sh", ["-c", line])), .exited(code: 0))
            try await sandbox.remove("t")
            await expectError(.fileNotFound) { try await sandbox.info(of: "t") }
            #expect(try await !sandbox.list(".", maxEntries: 10).contains { $0.name == "t" })
            // As deep as a path can be named, and deeper: nothing but the end of the sandbox removes that.
            expect(try await sandbox.run(program: "deep_directories", ["1000"]), .exited(code: 0))
            try await sandbox.remove("d")
            await expectError(.fileNotFound) { try await sandbox.info(of: "d") }
            // Many entries, each so deep that whoever looks up all the names anew for each of them may meet
            // the watchdog.
            expect(try await sandbox.run(program: "deep_directories", ["1800", "2000"]), .exited(code: 0))
            try await sandbox.remove("d")
            await expectError(.fileNotFound) { try await sandbox.info(of: "d") }
            expect(try await sandbox.run(program: "deep_directories", ["5000"]), .exited(code: 0))
            await expectError(.fileAccess) { try await sandbox.remove("d") }
            expect(try await sandbox.run(program: "nothing"), .exited(code: 0))
        }
    }

    @Test("More files than one answer names are listed and removed", arguments: await ConformanceSubject.all)
    func many(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let line = "mkdir d && cd d && i=0; while test $i -lt 9000; do : > file-$i; i=$((i+1)); done"
            let limits = Limits(wallTime: .seconds(120), cpuTime: .seconds(60))
            expect(
                try await sandbox.run(Command("/bin/sh", ["-c", line]), limits: limits), .exited(code: 0))
            let names = try await sandbox.list("d", maxEntries: 9000).map(\.name)
            let expected = (0..<9000).map { ByteString("file-\($0)") }.sorted()
            #expect(names == expected)
            await expectError(.tooManyFiles) { try await sandbox.list("d", maxEntries: 8999) }
            try await sandbox.remove("d")
            #expect(try await !sandbox.list(".", maxEntries: 10).contains { $0.name == "d" })
        }
    }

    /// A program that goes on making, moving and removing files harms itself at most.
    @Test("Trees that change under the hands", arguments: await ConformanceSubject.all)
    func changing(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let line = """
                mkdir keep && echo kept > keep/file
                while test ! -e stop; do
                  mkdir -p t/a/b && printf x > t/a/b/f && mv t/a x && ln -s ../../../keep t/a && rm -rf t/a && mv x t/a
                  printf 0123456789 > t/g; rm -f t/g; ln -s ../keep/file t/g; rm -f t/g
                done 2>/dev/null
                exit 0
                """
            let command = Command("/bin/sh", ["-c", ByteString(line)])
            let limits = Limits(wallTime: .seconds(120), cpuTime: .seconds(60))
            async let run = sandbox.run(command, limits: limits)
            // Whatever comes is an answer, and nothing leads to `keep`.
            let expected: Set<SandboxError.Code> = [
                .fileNotFound, .notRegularFile, .notDirectory, .fileChanged, .tooManyFiles, .fileAccess,
            ]
            var answers = 0
            for round in 0..<120 {
                do {
                    switch round % 4 {
                    case 0: _ = try await sandbox.list("t", maxEntries: 100)
                    case 1: for try await _ in sandbox.readTree("t") {}
                    case 2: try await sandbox.remove("t/a")
                    default: for try await _ in sandbox.chunks(of: "t/g", maxBytes: 100) {}
                    }
                } catch let error as SandboxError {
                    #expect(expected.contains(error.code), "\(error)")
                }
                answers += 1
            }
            try await sandbox.write("", to: "stop")
            expect(try await run, .exited(code: 0))
            #expect(answers == 120)
            #expect(try await sandbox.read("keep/file", maxBytes: 9) == Array("kept\n".utf8))
        }
    }

    @Test("Long names, long targets and any times are listed", arguments: await ConformanceSubject.all)
    func extremes(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let script = """
                import os
                for i in range(100):
                    os.symlink("t" * 4000 + str(i), "%03d" % i + "n" * 252)
                for name, second in ("late", 2**50), ("early", -2**50), ("then", -5):
                    open(name, "w").close()
                    os.utime(name, (second, second))
                open("sparse", "w").truncate(3 << 20)
                """
            let made = try await sandbox.run(Command("/usr/bin/python3", ["-c", ByteString(script)]))
            expect(made, .exited(code: 0))
            let entries = try await sandbox.list(".", maxEntries: 200)
            let links = entries.filter { $0.info.kind == .symbolicLink }
            #expect(links.count == 100 && links.allSatisfy { $0.name.bytes.count == 255 })
            for (number, link) in links.enumerated() {
                #expect(link.info.target == ByteString(String(repeating: "t", count: 4000) + "\(number)"))
            }
            func seconds(_ name: String) async throws -> Int64 {
                try await sandbox.info(of: ByteString(name)).modified.components.seconds
            }
            #expect(try await seconds("late") > 9_000_000_000)
            #expect(try await seconds("early") < -9_000_000_000)
            #expect(try await seconds("then") == -5)
            await expectError(.fileTooLarge) {
                for try await _ in sandbox.readTree(limits: TreeLimits(bytes: 1 << 20)) {}
            }
            var size = 0
            for try await piece in sandbox.readTree() { size += piece.count }
            #expect(size > 3 << 20)
        }
    }

    @Test("A program that comes as a stream can be run at once", arguments: await ConformanceSubject.all)
    func streamedProgram(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let program = try Data(
                contentsOf: URL(fileURLWithPath: "/usr/bin/python3").resolvingSymlinksInPath())
            for round in 0..<3 {
                let pieces = AsyncStream { continuation in
                    for start in stride(from: 0, to: program.count, by: 100_000 + round) {
                        continuation.yield(program[start..<min(start + 100_000 + round, program.count)])
                    }
                    continuation.finish()
                }
                try await sandbox.write(pieces, to: "python", executable: true)
                let result = try await sandbox.run(Command("./python", ["-c", "print(6 * 7)"]))
                #expect(result.stdoutText == "42\n", "\(result.summary)")
            }
        }
    }

    @Test("Archives that contradict themselves end in errors", arguments: await ConformanceSubject.all)
    func oddArchives(subject: ConformanceSubject) async throws {
        func tar(_ lines: String) throws -> [UInt8] {
            let python = Process()
            let output = Pipe()
            python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            python.arguments = [
                "-c",
                """
                import io, sys, tarfile
                tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
                def add(name, kind=tarfile.REGTYPE, link="", data=b"", size=None):
                    info = tarfile.TarInfo(name)
                    info.type, info.linkname, info.size = kind, link, len(data) if size is None else size
                    tar.addfile(info, io.BytesIO(data))
                \(lines)
                tar.close()
                """,
            ]
            python.standardOutput = output
            try python.run()
            let bytes = [UInt8](try output.fileHandleForReading.readToEnd() ?? Data())
            python.waitUntilExit()
            return bytes
        }
        let archives: [(String, [SandboxError.Code])] = [
            ("add('a'); add('a/b')", [.fileNotFound, .notRegularFile]),
            ("add('d', tarfile.DIRTYPE); add('d')", [.notRegularFile]),
            ("add('h', tarfile.LNKTYPE, 'missing')", [.fileNotFound]),
            ("add('h', tarfile.LNKTYPE, '../../etc/passwd')", [.invalidArchive]),
            ("add('l', tarfile.SYMTYPE, '/etc'); add('h', tarfile.LNKTYPE, 'l/passwd')", [.notRegularFile]),
            ("add('a\\nb')", [.invalidPath]),
            ("add('f', tarfile.FIFOTYPE)", [.invalidArchive]),
            ("add('x' * 256)", [.invalidPath]),
            (
                "add('b', data=b'x' * 900); [add('h%d' % i, tarfile.LNKTYPE, 'b') for i in range(9)]",
                [.fileTooLarge]
            ),
        ]
        try await subject.withSandbox { sandbox in
            for (lines, codes) in archives {
                let archive = try tar(lines)
                await expectError(oneOf: Set(codes), lines) {
                    try await sandbox.writeTree(archive, to: "in", limits: TreeLimits(bytes: 4000))
                }
                if try await sandbox.list(".", maxEntries: 9).contains(where: { $0.name == "in" }) {
                    try await sandbox.remove("in")
                }
            }
        }
    }

    @Test("A stream that finds no room leaves nothing", arguments: await ConformanceSubject.all)
    func noRoom(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            // The disk limit of a run stands until the next.
            let limits = Limits(disk: 4 << 20)
            expect(try await sandbox.run(Command("/bin/true"), limits: limits), .exited(code: 0))
            let pieces = AsyncStream { continuation in
                for _ in 0..<64 { continuation.yield([UInt8](repeating: 1, count: 256 << 10)) }
                continuation.finish()
            }
            await expectError(.noSpace) { try await sandbox.write(pieces, to: "large") }
            await expectError(.fileNotFound) { try await sandbox.info(of: "large") }
            try await sandbox.write("small", to: "small")
        }
    }

    @Test("A stream that is cancelled leaves nothing", arguments: await ConformanceSubject.all)
    func cancelled(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let (pieces, continuation) = AsyncStream<[UInt8]>.makeStream()
            let task = Task { try await sandbox.write(pieces, to: "half") }
            for _ in 0..<4 { continuation.yield([UInt8](repeating: 1, count: 256 << 10)) }
            while true {
                if let info = try? await sandbox.info(of: "half"), info.bytes > 0 { break }
                try await Task.sleep(for: .milliseconds(2))
            }
            task.cancel()
            await expectError(.cancelled) { try await task.value }
            // On a host too busy to answer within the moment that a cancelled caller waits the sandbox goes, too.
            await expectError(oneOf: [.fileNotFound, .supervisorLost, .containerLost]) {
                try await sandbox.info(of: "half")
            }
        }
    }
}
