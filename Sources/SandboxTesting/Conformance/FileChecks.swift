/// Checks of files that are written to and read from `/work`.

import SandboxAPI

enum FileChecks {
    static let all = [
        roundTrip, modes, inputFiles, reusedFiles, names, bounds, outside, links, lasting, directories,
    ]

    static let roundTrip = ConformanceCheck("What is written is read, by program and caller") { it in
        try await it.withSandbox { sandbox in
            for (path, count) in [("empty", 0), ("one", 1), ("a/b/c/deep", 70_000), ("large", 2_000_000)] {
                let bytes = ConformanceContext.pattern(count)
                try await sandbox.write(bytes, to: path)
                it.expectEqual(try await sandbox.read(path, maxBytes: 4 << 20), bytes, path)
                let seen = try await sandbox.run(
                    Command(it.tools.cat, [path]),
                    limits: Limits(wallTime: .seconds(120), output: 4 << 20))
                it.expect(seen, exited: 0)
                it.expectEqual(seen.stdout, bytes, "\(path), as the program sees it")
            }
            let made = try await sandbox.run(
                it.shell("printf more >> one && mkdir own && printf x > own/file"),
                limits: ConformanceContext.patient)
            it.expect(made, exited: 0)
            it.check(
                try await sandbox.read("one", maxBytes: 9) == [0] + Array("more".utf8), "a file that grew")
            it.check(
                try await sandbox.read("own/file", maxBytes: 9) == Array("x".utf8), "a file of the program's")
            try await sandbox.write("new", to: "large")
            it.check(
                try await sandbox.read("large", maxBytes: 9) == Array("new".utf8), "a file that was replaced")
        }
    }

    static let modes = ConformanceCheck("An executable file is one") { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write("#!\(it.tools.shell)\necho ran", to: "script", executable: true)
            try await sandbox.write("text", to: "./plain")
            let result = try await sandbox.run(Command("./script"), limits: ConformanceContext.patient)
            it.expect(result, exited: 0, stdout: "ran\n")
            it.check(
                try await sandbox.readFile("/work/script", maxBytes: 99).executable,
                "script is not executable")
            it.check(try await !sandbox.readFile("plain", maxBytes: 99).executable, "plain is executable")
            let mode = try await sandbox.run(
                it.shell("test -x script && test ! -x plain"), limits: ConformanceContext.patient)
            it.expect(mode, exited: 0)
        }
    }

    static let inputFiles = ConformanceCheck("Input files come with the command") { it in
        var command = Command(it.tools.cat, ["first", "below/second"])
        command.inputFiles = [
            InputFile("first", Array("1".utf8)), InputFile("below/second", Array("2".utf8)),
        ]
        let given = command
        let result = try await it.withSandbox { try await $0.run(given, limits: ConformanceContext.patient) }
        it.expect(result, exited: 0, stdout: "12")
    }

    static let reusedFiles = ConformanceCheck("Files that many sandboxes get are the same in each") { it in
        // As large as a program, so that a backend may keep it.
        let bytes = Array("first line\n".utf8) + [UInt8](repeating: 0x23, count: 200 << 10)
        let file = InputFile("d/file", bytes, executable: true).reused()
        for _ in 0..<3 {
            var command = it.shell(
                """
                read line < d/file; echo "$line"
                echo changed > d/file; echo more >> d/file; chmod 600 d/file; rm -f d/file; mv d moved; true
                """)
            command.inputFiles = [file]
            let given = command
            let result = try await it.withSandbox { sandbox in
                try await sandbox.run(given, limits: ConformanceContext.patient)
            }
            it.expect(result, exited: 0, stdout: "first line\n")
        }
        var command = it.shell("true")
        command.inputFiles = [file]
        let given = command
        try await it.withSandbox { sandbox in
            it.expect(try await sandbox.run(given, limits: ConformanceContext.patient), exited: 0)
            let read = try await sandbox.readFile("d/file", maxBytes: bytes.count)
            it.check(read.bytes == bytes && read.executable, "a reused file does not come back as it was")
        }
    }

    static let names = ConformanceCheck("Names of files are bytes") { it in
        try await it.withSandbox { sandbox in
            var names = InputChecks.odd
            names += [ByteString([UInt8](repeating: 0x6e, count: 255)), "d/\u{301}x", "..."]
            for name in names { try await sandbox.write(name.bytes, to: name) }
            for name in names {
                it.check(
                    try await sandbox.read(name, maxBytes: 999) == name.bytes, "\(name) does not come back")
            }
            let line =
                "for name; do test \"$(\(it.tools.cat) \"./$name\")\" = \"$name\" || echo \"$name\"; done"
            let seen = try await sandbox.run(it.shell(line, names), limits: ConformanceContext.patient)
            it.expect(seen, exited: 0, stdout: "", stderr: "")
            let other = ByteString([0xff, 0xfe])
            let made = try await sandbox.run(
                it.shell("printf made > \"$1\"", [other]), limits: ConformanceContext.patient)
            it.expect(made, exited: 0)
            it.check(
                try await sandbox.read(other, maxBytes: 9) == Array("made".utf8), "a name of the program's")
            await it.expectError(.fileNotFound) {
                try await sandbox.read(ByteString([0xff, 0xfd]), maxBytes: 9)
            }
        }
    }

    static let bounds = ConformanceCheck("A file is read whole or not at all") { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write([1, 2, 3], to: "directory/three")
            it.check(
                try await sandbox.read("directory/three", maxBytes: 3) == [1, 2, 3], "exactly the bound")
            await it.expectError(.fileTooLarge) { try await sandbox.read("directory/three", maxBytes: 2) }
            await it.expectError(.invalidArgument) { try await sandbox.read("directory/three", maxBytes: -1) }
            await it.expectError(.fileNotFound) { try await sandbox.read("missing", maxBytes: 9) }
            await it.expectError(.fileNotFound) { try await sandbox.read("missing/file", maxBytes: 9) }
            await it.expectError(.notRegularFile) { try await sandbox.read("directory", maxBytes: 9) }
            await it.expectError(.notRegularFile) { try await sandbox.write("x", to: "directory") }
        }
    }

    static let outside = ConformanceCheck("Paths that leave /work are refused") { it in
        try await it.withSandbox { sandbox in
            for path in [
                "", "a\0b", "a\nb", "../x", "a/../../x", "/etc/passwd", "/work/../etc/passwd", "/workother/x",
                "..", "/",
            ] {
                await it.expectError(.invalidPath) { try await sandbox.write("x", to: path) }
                await it.expectError(.invalidPath) { try await sandbox.read(path, maxBytes: 1 << 20) }
                var command = it.shell("exit 0")
                command.inputFiles = [InputFile(path, [1])]
                let given = command
                await it.expectError(.invalidPath) { try await sandbox.run(given) }
            }
        }
    }

    static let links = ConformanceCheck("No symbolic link is followed, in or out") { it in
        let text = Array("host".utf8)
        try await it.withHostFile(text) { path in
            try await it.withSandbox { sandbox in
                let line =
                    "\(it.tools.ln) -s \"$1\" link && \(it.tools.ln) -s /etc through && \(it.tools.ln) -s /no/where dangling"
                let made = try await sandbox.run(
                    it.shell(line, [ByteString(path)]), limits: ConformanceContext.patient)
                it.expect(made, exited: 0)
                for name in ["link", "dangling", "through", "through/passwd"] {
                    await it.expectError(.notRegularFile) { try await sandbox.read(name, maxBytes: 1 << 20) }
                }
                await it.expectError(.notRegularFile) {
                    try await sandbox.write("x", to: "through/conformance")
                }
                try await sandbox.write("new", to: "link")
                it.check(
                    try await sandbox.read("link", maxBytes: 9) == Array("new".utf8),
                    "the link was not replaced")
            }
            it.check(ConformanceContext.contents(ofHost: path) == text, "the host's own file was written to")
        }
    }

    static let lasting = ConformanceCheck("Files last from run to run, and not from sandbox to sandbox") {
        it in
        try await it.withSandbox { sandbox in
            it.expect(
                try await sandbox.run(it.shell("echo kept > file"), limits: ConformanceContext.patient),
                exited: 0)
            it.expect(
                try await sandbox.run(Command(it.tools.cat, ["file"]), limits: ConformanceContext.patient),
                exited: 0,
                stdout: "kept\n")
        }
        it.expect(try await it.run("test ! -e file; echo $?; echo *"), exited: 0, stdout: "0\n*\n")
    }

    static let directories = ConformanceCheck("A command has a working directory") { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write("here", to: "below/file")
            for (directory, path) in [
                (nil, "below/file"), (".", "below/file"), ("below", "file"), ("/", "\(it.tools.cat)"),
            ] {
                var command = it.shell("test -f \"$1\"", [ByteString(path)])
                command.directory = directory.map { ByteString($0) }
                it.expect(try await sandbox.run(command, limits: ConformanceContext.patient), exited: 0)
            }
        }
    }
}
