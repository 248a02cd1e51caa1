/// Runs the built command on a pseudo-terminal, and looks at what a person would see there.

#if CLI
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        .enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason),
        .enabled(if: FileManager.default.isExecutableFile(atPath: busybox), "busybox-static is not installed")
    ) struct Progress {
        /// Runs the command with stderr on a terminal (or a pipe) while another process, this one, seems to
        /// unpack the same archive; gives the archive free once the line is there (or after a second).
        /// Prints what stdout and stderr got, as JSON.
        private static let driver = """
            import fcntl, hashlib, json, os, pty, select, subprocess, sys, time

            command, archive, cache, kind = sys.argv[1:5]
            for name in (cache, cache + "/locks"):
                os.mkdir(name, 0o700)
            digest = hashlib.sha256(open(archive, "rb").read()).hexdigest()
            lock = os.open(f"{cache}/locks/sha256-{digest}", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)

            terminal, stderr = pty.openpty() if kind == "terminal" else os.pipe()
            child = subprocess.Popen(
                [command, "exec", "--image", archive, "--wall-time", "50", "--", "/usr/bin/busybox", "sh", "-c",
                 "echo out; echo err >&2"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                env={**os.environ, "SANDBOX_CACHE": cache, "TERM": "xterm"})
            os.close(stderr)
            seen = b""
            end = time.monotonic() + (50 if kind == "terminal" else 1.5)
            while b"waiting for" not in seen and time.monotonic() < end:
                if select.select([terminal], [], [], 0.1)[0]:
                    seen += os.read(terminal, 4096)
            os.unlink(f"{cache}/locks/sha256-{digest}")
            os.close(lock)
            out = child.stdout.read()
            while True:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:  # the terminal's other end is closed
                    break
                if not piece:
                    break
                seen += piece
            print(json.dumps({"out": out.decode(), "err": seen.decode(), "status": child.wait()}))
            """

        private func run(_ kind: String) throws -> (json: JSONValue, archive: String) {
            let folder = try ScratchFolder()
            let archive = try makeArchive("one.tar", in: folder)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [
                "-c", Self.driver, SandboxProcess.path, archive, folder.path + "/cache", kind,
            ]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let bytes = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return (try JSONValue.parse(Array(bytes)), archive)
        }

        @Test func aTerminalHasALineThatGoesAgain() throws {
            let (json, archive) = try run("terminal")
            #expect(json["status"] == 0 && json["out"] == "out\n")
            let seen = try #require(json["err"]?.text)
            let erase = "\r\u{1B}[K"
            let line = "sandbox: waiting for another process that unpacks \(archive)"
            // Cut at 80 columns.
            #expect(seen.contains(erase + String(line.prefix(79))), "\(seen)")
            // Erased before the program's own output, which is all that stays.
            #expect(seen.hasSuffix("\(erase)err\r\n"), "\(seen)")
            #expect(seen.utf8.count { $0 == UInt8(ascii: "\n") } == 1, "\(seen)")
        }

        @Test func aPipeHasNone() throws {
            let (json, _) = try run("pipe")
            #expect(json["status"] == 0 && json["out"] == "out\n" && json["err"] == "err\n", "\(json)")
        }
    }
}
#endif
