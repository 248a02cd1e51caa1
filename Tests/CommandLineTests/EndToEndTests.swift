/// Runs the built command: exit statuses, limits, streams and signals.

#if CLI
import Foundation
import Testing

/// All end-to-end tests, one after the other, since they have time limits.
@Suite(.serialized) enum EndToEnd {}

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Outcomes {
        @Test(arguments: [0, 1, 3, 42, 124, 125, 255] as [Int32])
        func programStatus(status: Int32) throws {
            let run = try SandboxProcess.shell("exit \(status)")
            #expect(run.status == status)
            #expect(run.err == "" && run.out == "")
        }

        @Test(arguments: [
            ("SEGV", 11), ("KILL", 9), ("TERM", 15), ("ABRT", 6), ("XCPU", 24), ("SYS", 31),
        ])
        func signals(name: String, number: Int32) throws {
            let run = try SandboxProcess.shell("kill -\(name) $$")
            #expect(run.status == 128 + number)
            #expect(run.err == "sandbox: killed by signal \(number) (SIG\(name))\n")
        }

        @Test func wallTime() throws {
            let run = try SandboxProcess.shell("echo before; sleep 30", "--wall-time", "0.5")
            #expect(run.status == 124)
            #expect(run.out == "before\n")
            #expect(run.err == "sandbox: wall time limit exceeded (0.5 s)\n")
            #expect(run.seconds < 10)
        }

        @Test func cpuTime() throws {
            let run = try SandboxProcess.shell(
                "while :; do :; done", "--cpu-time", "0.5", "--wall-time", "30")
            #expect(run.status == 124)
            #expect(run.err == "sandbox: CPU time limit exceeded (0.5 s)\n")
            #expect(run.seconds < 20)
        }

        @Test func memory() throws {
            let run = try SandboxProcess.python(
                "x = bytearray(1 << 30); print(len(x))", "--memory", "64M")
            #expect(run.status == 123)
            #expect(run.out == "")
            #expect(run.err.hasSuffix("sandbox: memory limit exceeded (64 MiB)\n"))
        }

        @Test func output() throws {
            let run = try SandboxProcess.run(["exec", "--output-limit", "10K", "--", "yes"])
            #expect(run.status == 123)
            #expect(run.out == String(repeating: "y\n", count: 5120))
            #expect(run.err == "sandbox: output limit exceeded (10 KiB)\n")
        }

        @Test func processes() throws {
            let script =
                "import os, time\nfor _ in range(50):\n  if os.fork() == 0: time.sleep(20); os._exit(0)"
            let run = try SandboxProcess.python(script, "--processes", "8", "--wall-time", "15")
            #expect(run.status == 123)
            #expect(run.err.hasSuffix("sandbox: process limit exceeded (8)\n"))
        }

        @Test func fileSize() throws {
            let run = try SandboxProcess.shell("exec head -c 2M /dev/zero > f", "--file-size", "1M")
            #expect(run.status == 123)
            #expect(run.err.hasSuffix("sandbox: file size limit exceeded (1 MiB)\n"))
        }

        @Test func disk() throws {
            let run = try SandboxProcess.shell("exec head -c 8M /dev/zero > f", "--disk", "4M")
            #expect(run.status == 123)
            #expect(run.err.hasSuffix("sandbox: disk limit exceeded (4 MiB)\n"))
        }

        @Test func openFiles() throws {
            let run = try SandboxProcess.python(
                "import os\nwhile True: os.open('/dev/null', 0)", "--open-files", "32")
            #expect(run.status == 123)
            #expect(run.err.hasSuffix("sandbox: open file limit exceeded (32)\n"))
        }

        @Test func processors() throws {
            let one = try SandboxProcess.exec(["--cpus", "1"], "nproc")
            #expect(one.status == 0 && one.out == "1\n", "\(one.err)")
            let first = try SandboxProcess.exec(["--cpu-set", "0-0", "--json"], "nproc")
            #expect(first.status == 0 && first.out.contains("\"cpuSet\":[0]"))
            let half = try SandboxProcess.exec(["--cpus", "0.5", "--json"], "nproc")
            #expect(half.status == 0 && half.out.contains("\"cpus\":0.5"))
            #expect(half.out.contains("0.5 processors were asked for and 1 given"))
            let many = try SandboxProcess.exec(["--cpus", "8000"], "nproc")
            #expect(many.status == 125)
            #expect(many.err.contains("limit cpus is 8000.0 processors, and this process has "))
        }

        @Test func blockedSocket() throws {
            let run = try SandboxProcess.python(
                "import socket; socket.socket(); print('open')", "--blocked", "end")
            #expect(run.status == 159)
            #expect(run.out == "")
            #expect(run.err.hasSuffix("sandbox: blocked system call: socket\n"))
        }

        @Test func notFoundAndNotRunnable() throws {
            #expect(try SandboxProcess.exec([], "no-such-program").status == 127)
            #expect(try SandboxProcess.exec([], "/no/such/program").status == 127)
            let folder = try ScratchFolder()
            let data = try folder.put("data", "not a program")
            #expect(try SandboxProcess.exec(["--in", data], "./data").status == 126)
        }

        @Test func bytesPassUnchanged() throws {
            let script =
                "import os; b = bytes(range(256)) * 4; os.write(1, b[:1000]); os.write(2, b[24:])"
            let run = try SandboxProcess.python(script)
            let all = Array(repeating: Array(UInt8.min...UInt8.max), count: 4).flatMap { $0 }
            #expect(run.stdout == Array(all[..<1000]))
            #expect(run.stderr == Array(all[24...]))
            #expect(run.status == 0)
        }

        @Test func explanationHasALineOfItsOwn() throws {
            let run = try SandboxProcess.shell("printf unfinished >&2; kill -KILL $$")
            #expect(run.err == "unfinished\nsandbox: killed by signal 9 (SIGKILL)\n")
        }

        @Test func outputIsLive() throws {
            let start = ContinuousClock.now
            let first = Moment()
            let run = try SandboxProcess.run(
                ["exec", "--", "sh", "-c", "echo now; sleep 3"], onOutput: { _ in first.mark() })
            let delay = try #require(first.value) - start
            #expect(run.status == 0)
            #expect(delay < .milliseconds(2500))
        }

        @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
        func interruption(signal: Int32, status: Int32) throws {
            let marker = "9\(getpid())\(signal)"
            let run = try SandboxProcess.run(
                [
                    "exec", "--wall-time", "50", "--", "sh", "-c",
                    "echo ready; sleep \(marker) & sleep \(marker)",
                ],
                onOutput: { kill($0, signal) })
            #expect(run.status == status)
            #expect(run.out == "ready\n")
            #expect(run.err.contains("(cancelled"))
            #expect(run.seconds < 10)
            // None of the sandbox's processes is left on the host.
            let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter {
                Int($0) != nil
            }
            let left = processes.filter { id in
                let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(id)/cmdline"))) ?? Data()
                return String(decoding: line, as: UTF8.self).contains(marker)
            }
            #expect(left.isEmpty)
        }

        @Test func readerOfStdoutGoesAway() throws {
            let path = SandboxProcess.path
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/bash")
            let limit = "--output-limit 1G --wall-time 30"
            shell.arguments = [
                "-c", "'\(path)' exec \(limit) -- yes 2>/dev/null | head -n 1; exit ${PIPESTATUS[0]}",
            ]
            let output = Pipe()
            shell.standardOutput = output
            let start = ContinuousClock.now
            try shell.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            shell.waitUntilExit()
            #expect(text == "y\n")
            #expect(shell.terminationReason == .exit)
            #expect(shell.terminationStatus == 141)
            #expect(ContinuousClock.now - start < .seconds(15))
        }

        @Test func stdin() throws {
            #expect(try SandboxProcess.exec([], "cat", stdin: Array("unwanted".utf8)).out == "")
            #expect(
                try SandboxProcess.exec(["--stdin", "-"], "cat", stdin: Array("a\0b".utf8)).out == "a\0b")
            let folder = try ScratchFolder()
            let file = try folder.put("input", "from a file\n")
            #expect(try SandboxProcess.exec(["--stdin", file], "cat").out == "from a file\n")
            #expect(try SandboxProcess.exec(["--stdin", "/dev/null"], "cat").status == 0)
            // Half a megabyte: more than a pipe holds.
            let large = [UInt8](repeating: 0x61, count: 512 << 10)
            #expect(try SandboxProcess.exec(["--stdin", "-"], "cat", stdin: large).stdout == large)
        }

        @Test func environmentAndDirectory() throws {
            let run = try SandboxProcess.shell(
                "echo \"$A|$B|$HOME\"; pwd", "--env", "A=1=2", "--env", "B=x y")
            #expect(run.out == "1=2|x y|/work\n/work\n")
            #expect(try SandboxProcess.shell("pwd", "--cwd", "/usr").out == "/usr\n")
        }

        @Test func inputFiles() throws {
            let folder = try ScratchFolder()
            let plain = try folder.put("a.txt", "A")
            let odd = try folder.put("b:c", "B")
            let run = try SandboxProcess.shell(
                "cat a.txt sub/dir/x b:c", "--in", plain, "--in", plain + ":sub/dir/x", "--in", odd)
            #expect(run.out == "AAB")
        }
    }

    /// The time of the first occurrence of an event.
    private final class Moment: @unchecked Sendable {
        private let lock = NSLock()
        private var moment: ContinuousClock.Instant?

        var value: ContinuousClock.Instant? { lock.withLock { moment } }
        func mark() { lock.withLock { moment = moment ?? .now } }
    }
}
#endif
