// Files that many sandboxes get, such as a program that is built once: a backend may keep their bytes, and no sandbox
// may notice another.
import Foundation
import Sandbox
import Testing

@Suite("Reused files", .shared, .timeLimit(.patient))
struct ReusedFileTests {
    /// A script of 100 KiB, which backends have a reason to keep.
    private static func script(_ line: String, bytes: Int = 100 << 10) -> InputFile {
        let text = "#!/bin/sh\n\(line)\nexit\n"
        let padding = String(repeating: "#", count: bytes - text.utf8.count)
        return InputFile("victim", Array((text + padding).utf8), executable: true).reused()
    }

    private static func command(_ file: InputFile) -> Command {
        Command("./victim", inputFiles: [file])
    }

    private func run(_ subject: ConformanceSubject, _ file: InputFile) async throws -> RunResult {
        try await subject.withSandbox { try await $0.run(Self.command(file)) }
    }

    @Test(
        "A program attacks its own file; the next run has it as it was",
        arguments: await ConformanceSubject.all)
    func attacksOnItself(subject: ConformanceSubject) async throws {
        let bytes = try await Programs.bytes("change_own_file")
        #expect(bytes.count > 100 << 10)
        let file = InputFile("victim", bytes, executable: true).reused()
        var contents: Set<String> = []
        for round in 0..<12 {
            let result = try await run(subject, file)
            expect(result, .exited(code: 0))
            #expect(!result.stdoutText.contains("found"), "round \(round): \(result.summary)")
            if subject.isMounting {
                #expect(!result.stdoutText.contains("changed"), "round \(round): \(result.summary)")
            }
            contents.formUnion(result.lines.filter { $0.hasPrefix("content") })
        }
        #expect(contents.count == 1)
    }

    @Test("The program's own view is that of a written file", arguments: await ConformanceSubject.all)
    func ownView(subject: ConformanceSubject) async throws {
        let file = Self.script(
            """
            echo $0; stat -c '%a %s %F %h' victim; test -O victim && wc -c < ./victim; ls -A
            date +%s; stat -c %Y victim
            """)
        for _ in 0..<4 {
            let result = try await run(subject, file)
            expect(result, .exited(code: 0))
            #expect(
                result.lines.prefix(4) == ["./victim", "755 102400 regular file 1", "102400", "victim"],
                "\(result.summary)")
            let times = result.lines.suffix(2).compactMap { Int($0) }
            #expect(times.count == 2 && abs(times[0] - times[1]) <= 5, "\(result.summary)")
        }
    }

    @Test("Calls on the sandbox see an ordinary file", arguments: await ConformanceSubject.all)
    func callersView(subject: ConformanceSubject) async throws {
        let file = Self.script("echo run")
        for inside in ["victim", "d/e/victim"] {
            var file = file
            file.path = ByteString(inside)
            try await subject.withSandbox { sandbox in
                let command = Command("./" + inside, inputFiles: [file])
                expect(try await sandbox.run(command), .exited(code: 0))
                let read = try await sandbox.readFile(inside, maxBytes: 1 << 20)
                #expect(read.bytes == file.bytes && read.executable)
                #expect(try await sandbox.info(of: ByteString(inside)).bytes == file.bytes.count)
                // It lasts from run to run, and belongs to the program then.
                let again = try await sandbox.run(Command("./" + inside))
                #expect(again.stdoutText == "run\n", "\(again.summary)")
                let line = "cp \(inside) copy && rm \(inside) && mv copy \(inside) && ./\(inside)"
                let replaced = try await sandbox.run(Command("/bin/sh", ["-c", line]))
                #expect(replaced.stdoutText == "run\n", "\(replaced.summary)")
                // And comes anew with the next command that has it.
                expect(try await sandbox.run(command), .exited(code: 0))
                try await sandbox.write("#!/bin/sh\necho other", to: inside, executable: true)
                #expect(try await sandbox.run(Command("./" + inside)).stdoutText == "other\n")
                try await sandbox.remove(ByteString(inside))
                await expectError(.fileNotFound) { try await sandbox.read(inside, maxBytes: 1) }
            }
        }
    }

    @Test("A program that moves the directory of a reused file", arguments: await ConformanceSubject.all)
    func movedDirectory(subject: ConformanceSubject) async throws {
        var file = Self.script("mv d moved")
        file.path = "d/victim"
        try await subject.withSandbox { [file] sandbox in
            let moved = try await sandbox.run(Command("d/victim", inputFiles: [file]))
            expect(moved, .exited(code: 0))
            #expect(try await sandbox.read("moved/victim", maxBytes: 1 << 20) == file.bytes)
        }
    }

    @Test("Other programs' files are nowhere", arguments: await ConformanceSubject.all)
    func othersAreInvisible(subject: ConformanceSubject) async throws {
        let secret = "secret-\(UInt64.random(in: 0...UInt64.max))"
        for _ in 0..<4 { expect(try await run(subject, Self.script("exit 0 # \(secret)")), .exited(code: 0)) }
        let search = """
            ls -A /work /run; ls -d /run/kept /run/scratch /run/proc
            for d in /run /work /tmp /dev/shm; do grep -rl \(secret) $d; done
            grep -c ' - tmpfs kept' /proc/self/mountinfo; grep -l \(secret) /proc/self/exe; true
            """
        let result = try await subject.shell(search)
        #expect(!result.stdoutText.contains("victim"), "\(result.summary)")
        #expect(!result.lines.contains { $0.hasPrefix("/run/") }, "\(result.summary)")
        let counts = result.lines.filter { $0 == "0" || $0 == "1" }
        #expect(counts == ["0"], "\(result.summary)")
    }

    @Test(
        "What a backend has ready for the next run of a program, no other sandbox has",
        arguments: await ConformanceSubject.all)
    func readyForOthers(subject: ConformanceSubject) async throws {
        let file = Self.script("echo first")
        let other = Self.script("echo other")
        let isThere = "victim is in /work"
        let data = InputFile("data", [UInt8](repeating: 0x61, count: 100 << 10)).reused()
        for attack in 0..<8 {
            // So often that a backend has reason to expect it again.
            for _ in 0..<6 { expect(try await run(subject, file), .exited(code: 0)) }
            try await subject.withSandbox { sandbox in
                switch attack {
                case 0:
                    let seen = try await sandbox.run(Command("/bin/sh", ["-c", "ls -A; cat victim"]))
                    #expect(seen.stdoutText == "", "\(isThere): \(seen.summary)")
                case 1:
                    await expectError(.fileNotFound) { try await sandbox.read("victim", maxBytes: 1 << 20) }
                    #expect(try await sandbox.list(".", maxEntries: 10).isEmpty, "\(isThere)")
                case 2:
                    try await sandbox.write("#!/bin/sh\necho mine", to: "victim", executable: true)
                    #expect(try await sandbox.run(Command("./victim")).stdoutText == "mine\n")
                case 3:
                    #expect(try await sandbox.run(Self.command(other)).stdoutText == "other\n")
                case 4:
                    try await sandbox.write("beside", to: "beside", executable: false)
                    let listed = try await sandbox.list(".", maxEntries: 10).map(\.name)
                    #expect(listed == ["beside"], "\(isThere)")
                case 5:
                    // Two such files, of which one is expected.
                    var command = Self.command(file)
                    command.inputFiles.append(data)
                    expect(try await sandbox.run(command), .exited(code: 0))
                    #expect(try await sandbox.read("data", maxBytes: 1 << 20) == data.bytes)
                    #expect(try await sandbox.read("victim", maxBytes: 1 << 20) == file.bytes)
                case 6:
                    // Questions and a run at the same time, which nobody answers with another's file.
                    async let listed = sandbox.list(".", maxEntries: 10).map(\.name)
                    async let read = sandbox.info(of: "victim")
                    async let ran = sandbox.run(Command("/bin/sh", ["-c", "ls -A; cat victim"]))
                    #expect(try await listed == [], "\(isThere)")
                    #expect(try await ran.stdoutText == "", "\(isThere)")
                    let found = try? await read
                    #expect(found == nil, "\(isThere)")
                default:
                    // With a file of its own beside it, as a batch's runs have their input.
                    try await sandbox.write("beside", to: "beside", executable: false)
                    expect(try await sandbox.run(Self.command(file)), .exited(code: 0))
                    let listed = try await sandbox.list(".", maxEntries: 10).map(\.name)
                    #expect(listed == ["beside", "victim"])
                }
            }
        }
    }

    @Test("A file that does not fit is refused, kept or not", arguments: await ConformanceSubject.all)
    func doesNotFit(subject: ConformanceSubject) async throws {
        let file = Self.script("true", bytes: 3 << 20)
        for disk in [64 << 20, 1 << 20, 64 << 20, 1 << 20] {
            var limits = Limits.standard
            limits.disk = disk
            if disk < file.bytes.count {
                await expectError(.noSpace) { [limits] in
                    try await subject.withSandbox { try await $0.run(Self.command(file), limits: limits) }
                }
            } else {
                let result = try await subject.withSandbox { [limits] in
                    try await $0.run(Self.command(file), limits: limits)
                }
                expect(result, .exited(code: 0))
            }
        }
    }

    /// Bytes that stand in the sandbox before the run are not its memory, however many they are.
    @Test("Large files of a run leave it its memory limit", arguments: await ConformanceSubject.all)
    func largeFilesAndMemory(subject: ConformanceSubject) async throws {
        let limits = Limits(memory: max(32 << 20, subject.smallMemory))
        let data = InputFile("data", [UInt8](repeating: 0x61, count: 24 << 20))
        let program = InputFile("touch", try await Programs.bytes("touch_malloc"), executable: true).reused()
        for file in [data, data.reused()] {
            for share in [3, 5] {
                let command = Command(
                    "./touch", ["\((limits.memory >> 22) * share)"], inputFiles: [program, file])
                let result = try await subject.withSandbox { try await $0.run(command, limits: limits) }
                if share < 4 {
                    expect(result, .exited(code: 0))
                } else {
                    expect(result, .limitExceeded(.memory))
                }
            }
        }
    }

    /// The room that they had in the container's limit is not the run's.
    @Test(
        "A program that removes its large files has no more memory", arguments: await ConformanceSubject.all)
    func removedFilesAndMemory(subject: ConformanceSubject) async throws {
        let limits = Limits(memory: max(32 << 20, subject.smallMemory))
        let bytes = 2 * limits.memory
        let data = InputFile("data", [UInt8](repeating: 0x61, count: bytes))
        let program = InputFile("touch", try await Programs.bytes("touch_malloc"), executable: true)
        let mebibytes = (limits.memory >> 20) * 3 / 2
        let command = Command(
            "/bin/sh", ["-c", "rm data && ./touch \(mebibytes) 1000"], inputFiles: [program, data])
        let result = try await subject.withSandbox { try await $0.run(command, limits: limits) }
        expect(result, .limitExceeded(.memory))
    }

    @Test(
        "What a backend has ready for another takes none of a sandbox's disk",
        arguments: await ConformanceSubject.all)
    func readyForOthersAndDisk(subject: ConformanceSubject) async throws {
        let file = Self.script("exit 0", bytes: 24 << 20)
        for _ in 0..<12 { expect(try await run(subject, file), .exited(code: 0)) }
        let bytes = Limits.standard.disk - (8 << 20)
        try await subject.withSandbox { sandbox in
            try await sandbox.write([UInt8](repeating: 0x61, count: bytes), to: "large", executable: false)
            #expect(try await sandbox.info(of: "large").bytes == bytes)
        }
    }

    @Test("A large write while a run with a large input begins", arguments: await ConformanceSubject.all)
    func writeBesideStart(subject: ConformanceSubject) async throws {
        let (inner, outer) = (
            [UInt8](repeating: 0x61, count: 3 << 20), [UInt8](repeating: 0x62, count: 3 << 20)
        )
        try await subject.withSandbox { sandbox in
            for round in 0..<8 {
                async let written: Void = sandbox.write(inner, to: "file\(round % 2)", executable: false)
                async let ran = sandbox.run(
                    Command("/bin/cat"), stdin: .bytes(outer), limits: Limits(output: 4 << 20))
                let result = try await ran
                try await written
                #expect(result.stdout == outer, "round \(round): \(result.outcome)")
                let read = try await sandbox.read("file\(round % 2)", maxBytes: 4 << 20)
                #expect(read == inner, "round \(round)")
            }
        }
    }

    @Test("More files than a backend keeps, each the right one", arguments: await ConformanceSubject.all)
    func many(subject: ConformanceSubject) async throws {
        let files = (0..<24).map { Self.script("echo \($0)", bytes: 2 << 20) }
        for _ in 0..<2 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, file) in files.enumerated() {
                    if number >= 2 { try await group.next() }
                    group.addTask {
                        let result = try await run(subject, file)
                        #expect(result.stdoutText == "\(number)\n", "\(result.summary)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

extension ConformanceSubject {
    /// Whether the backend mounts such files, read-only, and does not copy them.
    fileprivate var isMounting: Bool {
        capabilities.kind == .local && capabilities.layers.contains(.mountNamespace)
    }
}
