// A writable root file system: a program can change everything in it, and changes nothing outside.
import Foundation
import Sandbox
import Testing

@Suite("Writable root file system", .shared, .timeLimit(.patient))
struct WritableRootfsTests {
    static var subjects: [ConformanceSubject] {
        get async { await ConformanceSubject.all.filter { $0.rootfs == .writable } }
    }
    static var readOnly: [ConformanceSubject] {
        get async { await ConformanceSubject.all.filter { $0.rootfs == .readOnly } }
    }

    /// Steps of `change_root` that every mode refuses, and their errors.
    static let refused: [String: Set<String>] = [
        "chown to another": ["EPERM", "EINVAL"], "capability": ["EPERM"], "layer attribute": ["EPERM"],
        "device": ["EPERM"], "block device": ["EPERM"], "lower": ["ENOENT"], "upper": ["ENOENT"],
        "staging": ["ENOENT"],
    ]

    /// A directory of the image that has another directory in it.
    static func tree(in sandbox: any SandboxLease) async throws -> String {
        let line = "find /usr/share -mindepth 2 -maxdepth 2 -type d | sort | head -n 1"
        let found = try await sandbox.run(Command("/bin/sh", ["-c", line]))
        let below = try #require(found.lines.first, "\(found.summary)")
        return (below as NSString).deletingLastPathComponent
    }

    /// The kernel charges the memory of file attributes to no cgroup, so the filter answers like a file
    /// system without them.
    private static let attributes: Set = ["attribute", "capability", "layer attribute"]

    @Test("Every change works, and shows", arguments: await subjects)
    func changes(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let tree = try await Self.tree(in: sandbox)
            let result = try await sandbox.run(program: "change_root", [tree])
            expect(result, .exited(code: 0))
            for (step, outcome) in result.fields() {
                var allowed = Self.refused[step] ?? ["done"]
                if step == "see removed" { allowed = ["ENOENT"] }
                if Self.attributes.contains(step) { allowed = ["EOPNOTSUPP"] }
                // Without a privilege an overlay cannot record where a directory of the image was moved: it
                // fails like a move to another file system, on which mv copies.
                if step == "rename directory", getuid() != 0 || subject.capabilities.kind == .docker {
                    allowed = ["EXDEV"]
                }
                #expect(allowed.contains(outcome), "\(step) (\(tree)): \(outcome)")
            }
            #expect(result.fields().count == 34, "\(result.summary)")
        }
    }

    @Test("A read-only root refuses each change", arguments: await readOnly)
    func readOnlyRefuses(subject: ConformanceSubject) async throws {
        guard subject.has(.rootfs) else { return }
        try await subject.withSandbox { sandbox in
            let tree = try await Self.tree(in: sandbox)
            let result = try await sandbox.run(program: "change_root", [tree])
            expect(result, .exited(code: 0))
            for (step, outcome) in result.fields() {
                // A file that the user may not write fails with that error first.
                let allowed: Set =
                    switch step {
                    case "append", "truncate": ["EROFS", "EACCES"]
                    case "make below it", "rename own directory": ["EROFS", "ENOENT"]
                    case "lower", "upper", "staging": ["ENOENT"]
                    case "see overwritten", "see replaced": ["ENODATA"]
                    case "see linked": ["ENOENT"]
                    case "see removed": ["done"]
                    case _ where Self.attributes.contains(step): ["EOPNOTSUPP"]
                    default: ["EROFS"]
                    }
                #expect(allowed.contains(outcome), "\(step): \(outcome)")
            }
            #expect(result.fields().count == 34, "\(result.summary)")
        }
    }

    @Test("The next run sees the changes; a neighbour and the next sandbox do not", arguments: await subjects)
    func visibility(subject: ConformanceSubject) async throws {
        let look = Command(
            "/bin/sh", ["-c", "ls /usr/bin / /etc /usr | sort; cat /etc/passwd; cksum < /usr/bin/env"])
        let change = Command(
            "/bin/sh",
            [
                "-c",
                "echo new > /etc/new; rm /usr/bin/tac; echo x >> /etc/passwd; echo y > /usr/bin/env; mkdir /opt2",
            ])
        let before = try await subject.withSandbox { neighbour in
            let before = try await neighbour.run(look)
            expect(before, .exited(code: 0))
            try await subject.withSandbox { sandbox in
                expect(try await sandbox.run(change), .exited(code: 0))
                let after = try await sandbox.run(look)
                #expect(after.stdout != before.stdout)
                #expect(after.lines.contains("new") && after.lines.contains("opt2"), "\(after.summary)")
                #expect(!after.lines.contains("tac"), "\(after.summary)")
                let beside = try await neighbour.run(look)
                #expect(beside.stdout == before.stdout, "\(beside.summary)")
                // A change by the other sandbox's program does not show here either.
                let own = try await neighbour.run(
                    Command("/bin/sh", ["-c", "echo other > /etc/new; cat /etc/new"]))
                #expect(own.stdoutText == "other\n", "\(own.summary)")
                let kept = try await sandbox.run(Command("cat", ["/etc/new"]))
                #expect(kept.stdoutText == "new\n", "\(kept.summary)")
            }
            return before
        }
        for _ in 0..<3 {
            let next = try await subject.withSandbox { try await $0.run(look) }
            #expect(next.stdout == before.stdout, "\(next.summary)")
        }
    }

    @Test("No change reaches the image or the host", arguments: await subjects)
    func imageUnchanged(subject: ConformanceSubject) async throws {
        guard subject.capabilities.kind == .local else { return }  // the engine keeps these files
        try await subject.withSandbox { sandbox in
            let tree = try await Self.tree(in: sandbox)
            let places = try subject.places(of: ["/usr/bin", "/usr/sbin", tree])
            let before = try Self.fingerprint(places)
            #expect(before.count > 100)
            expect(try await sandbox.run(program: "change_root", [tree]), .exited(code: 0))
            // Its /bin/sh is a script by now, whose interpreter is the program itself.
            let again = try await sandbox.run(Command("/bin/sh"))
            #expect(again.fields()["make in /"] == "EEXIST", "\(again.summary)")
            #expect(try Self.fingerprint(places) == before)
        }
        for path in ["/made", "/etc/made", "/usr/made", "/own", "/renamed", "/block"] {
            #expect(!FileManager.default.fileExists(atPath: path), "\(path) is on the host")
        }
    }

    @Test("A large directory of the image is removed, and made anew", arguments: await subjects)
    func removeTree(subject: ConformanceSubject) async throws {
        let line = """
            for d in /usr/include /usr/share; do test -d $d && test $(find $d | wc -l) -gt 1000 && break; done
            test $(find $d | wc -l) -gt 1000 || exit 3
            rm -rf $d && test ! -e $d && mkdir -p $d/new && test "$(find $d | wc -l)" = 2 && rm -r $d && ls -d $d
            """
        let result = try await subject.shell(
            line, limits: Limits(wallTime: .seconds(60), cpuTime: .seconds(60)))
        expect(result, .exited(code: 2))
        #expect(result.stdout.isEmpty, "\(result.summary)")
    }

    @Test("A package's files are put in, replaced, moved aside and removed", arguments: await subjects)
    func package(subject: ConformanceSubject) async throws {
        // As dpkg does: new files beside the old ones, links for the kept ones, then renames over them.
        let script = """
            set -e
            cd /usr/bin
            for f in env sort cut head; do
                cp -p $f $f.dpkg-new; echo >> $f.dpkg-new
                ln $f $f.dpkg-tmp; mv -f $f.dpkg-new $f
                ./$f --version > /dev/null; rm $f.dpkg-tmp
            done
            mkdir -p /opt/tool/bin /var/lib/tool /usr/lib/tool
            printf '#!/bin/sh\\necho tool\\n' > /opt/tool/bin/tool; chmod +x /opt/tool/bin/tool
            ln -s /opt/tool/bin/tool /usr/bin/tool; tool
            mv /opt/tool /opt/tool2; rm /usr/bin/tool; ln -s ../../opt/tool2/bin/tool tool; tool
            rm -r /opt/tool2 /usr/lib/tool; test ! -e tool
            tree=$(dirname "$(find /usr/share -mindepth 2 -maxdepth 2 -type d | sort | head -n 1)")
            mv "$tree" /usr/aside; test ! -e "$tree"; mv /usr/aside "$tree"; test ! -e /usr/aside
            """
        try await subject.withSandbox { sandbox in
            let put = try await sandbox.run(Command("/bin/sh", ["-c", script]))
            expect(put, .exited(code: 0))
            #expect(put.stdoutText == "tool\ntool\n", "\(put.summary)")
            // The next run executes the replaced files.
            let used = try await sandbox.run(Command("/bin/sh", ["-c", "ls /usr/bin/*.dpkg-*; env true"]))
            expect(used, .exited(code: 0))
            #expect(used.stdout.isEmpty, "\(used.summary)")
        }
    }

    @Test("What earlier runs wrote counts", arguments: await subjects)
    func diskLimitOfRuns(subject: ConformanceSubject) async throws {
        let limits = Limits(disk: 16 << 20)
        try await subject.withSandbox { sandbox in
            for run in 1...3 {
                // Without a quota the usage is sampled, so a later run waits for a sample.
                let pause = run < 3 ? 0 : 10
                let line = "head -c 7M /dev/zero >/usr/written-\(run) && sleep \(pause)"
                let result = try await sandbox.run(Command("/bin/sh", ["-c", line]), limits: limits)
                expect(result, run < 3 ? .exited(code: 0) : .limitExceeded(.disk))
            }
        }
    }

    @Test(
        "The disk limit holds for changes to the root", arguments: await subjects,
        ["/usr", "/etc", "/opt-new", "/dev"])
    func diskLimit(subject: ConformanceSubject, place: String) async throws {
        let limits = Limits(disk: 8 << 20)
        try await subject.withSandbox { sandbox in
            let made = try await sandbox.run(Command("mkdir", ["-p", place]))
            expect(made, .exited(code: 0))
            let failed = try await sandbox.run(program: "fill_directory", [place, "1"], limits: limits)
            expect(failed, .limitExceeded(.disk))
            guard subject.capabilities.hasDiskQuota else { return }
            #expect(failed.stdoutText == "ENOSPC\n", "\(failed.summary)")
        }
    }

    @Test("A change to a large file of the image takes its size", arguments: await subjects)
    func copyUp(subject: ConformanceSubject) async throws {
        let line =
            "f=$(find /usr/lib /usr/bin -type f -size +3M | head -n 1); test -n \"$f\" || exit 3; chmod 700 \"$f\""
        guard subject.capabilities.hasDiskQuota else { return }
        let refused = try await subject.shell(line, limits: Limits(disk: 1 << 20))
        // The kernel gives up the copy before a sample sees the disk.
        #expect([.limitExceeded(.disk), .exited(code: 1)].contains(refused.outcome), "\(refused.summary)")
        #expect(refused.stderrText.contains("No space left"), "\(refused.summary)")
        expect(try await subject.shell(line, limits: Limits(disk: 1 << 30)), .exited(code: 0))
    }

    @Test("Written files count as memory of the run", arguments: await subjects)
    func memory(subject: ConformanceSubject) async throws {
        guard !subject.isSampled, subject.capabilities.isRootfsMemory else { return }
        let result = try await subject.run("write_file", ["/usr/large", "\(48 << 20)", "1"])
        expect(result, .exited(code: 0))
        let seen = result.usage.peakMemory + subject.capabilities.memoryResolution
        #expect(seen >= 48 << 20, "\(result.summary)")
        let limits = Limits(memory: 32 << 20)
        expect(
            try await subject.run("write_file", ["/usr/large", "\(48 << 20)", "1"], limits: limits),
            .limitExceeded(.memory))
    }

    @Test("The program is root in its own root file system only", arguments: await subjects)
    func rootOfIt(subject: ConformanceSubject) async throws {
        let state = try await subject.run("state")
        #expect(state.fields("=")["uid"] == "0 0", "\(state.summary)")
        let result = try await subject.run("set_user_id")
        expect(result, .exited(code: 0))
        let fields = result.fields()
        #expect(fields["same"] == "1", "\(result.summary)")
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            #expect(fields[set] == "0000000000000000", "\(set): \(result.summary)")
        }
        #expect(fields["CapBnd"] == subject.boundingSet, "\(result.summary)")
        let owners = try await subject.shell("stat -c %u /usr /usr/bin /usr/bin/env /etc /work | sort -u")
        #expect(owners.stdoutText == "0\n", "\(owners.summary)")
    }
}

@Suite("Writable root file system, alone", .exclusive, .timeLimit(.patient))
struct WritableRootfsMemoryTests {
    @Test("Closing the sandbox frees the memory of its root", arguments: await WritableRootfsTests.subjects)
    func memoryIsFreed(subject: ConformanceSubject) async throws {
        guard subject.capabilities.isRootfsMemory else { return }
        let size = 192 << 20
        let limits = Limits(memory: 512 << 20, fileSize: 256 << 20, disk: 256 << 20)
        let before = try sharedMemory()
        try await subject.withSandbox { sandbox in
            let result = try await sandbox.run(
                program: "write_file", ["/usr/large", "\(size)", "1"], limits: limits)
            expect(result, .exited(code: 0))
            #expect(try sharedMemory() > before + size / 2)
        }
        // Closing returns before the memory is freed: that happens in the background.
        var after = try sharedMemory()
        for _ in 0..<100 where after > before + size / 2 {
            try await Task.sleep(for: .milliseconds(50))
            after = try sharedMemory()
        }
        #expect(after < before + size / 2, "\(before) bytes before, \(after) after")
    }

    /// The whole machine's memory in shared files, in bytes.
    private func sharedMemory() throws -> Int {
        let text = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Shmem:") })
        let number = try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return number << 10
    }
}

extension ConformanceSubject {
    /// The places on the host of these paths of the root file system: in `/`, or in the unpacked image.
    func places(of paths: [String]) throws -> [String] {
        guard image != .host else { return paths }
        let cache = try #require(
            ProcessInfo.processInfo.environment["SANDBOX_CACHE"],
            "set SANDBOX_CACHE to a folder of the tests' own")
        return [cache]
    }
}

extension WritableRootfsTests {
    /// Name, type, mode, owner, size and time of change of everything below these paths.
    static func fingerprint(_ paths: [String]) throws -> [String] {
        var lines: [String] = []
        for path in paths {
            let found = FileManager.default.enumerator(atPath: path)
            while let name = found?.nextObject() as? String {
                // In a cache only the trees: its own files change with every use.
                if path.hasSuffix("cache"), !name.contains("/rootfs/") { continue }
                var status = stat()
                guard lstat("\(path)/\(name)", &status) == 0 else { continue }
                let time = "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
                let size = status.st_mode & S_IFMT == S_IFDIR ? 0 : status.st_size
                lines.append("\(path)/\(name) \(status.st_mode) \(status.st_uid) \(size) \(time)")
            }
        }
        return lines.sorted()
    }
}
