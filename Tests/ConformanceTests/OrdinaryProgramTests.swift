// Programs that a judge or a unit test runs every day: none of them is affected by the sandbox.
import Foundation
import Sandbox
import Testing

@Suite("Ordinary programs", .shared, .timeLimit(.patient))
struct OrdinaryProgramTests {
    struct Ordinary: Sendable, CustomTestStringConvertible {
        let program: String
        let output: String
        let input: String
        var testDescription: String { program }

        init(_ program: String, _ output: String = "", input: String = "") {
            self.program = program
            self.output = output
            self.input = input
        }
    }

    @Test(
        "Compiled programs", arguments: await ConformanceSubject.all,
        [
            Ordinary("pthreads"), Ordinary("spawns", "spawned\n"), Ordinary("devices"),
            Ordinary("std_thread", "thrown in a thread 500500\n"), Ordinary("users", "named\n"),
            Ordinary("resolve", "127.0.0.1\n"), Ordinary("locale", "UTF-8 13\n"), Ordinary("harmless_calls"),
        ])
    func compiled(subject: ConformanceSubject, ordinary: Ordinary) async throws {
        if ["users", "resolve"].contains(ordinary.program), !subject.capabilities.hasOwnEtc { return }
        let result = try await subject.run(ordinary.program)
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == ordinary.output, "\(result.summary)")
        #expect(result.stderr.isEmpty, "\(result.summary)")
    }

    @Test(
        "Python", arguments: await ConformanceSubject.all,
        [
            Ordinary("py_threads", "800 800\n"), Ordinary("py_asyncio", "hello 0 thread\n"),
            Ordinary("py_multiprocessing", "[0, 1, 4, 9, 16] queued 42\n"),
            Ordinary("py_subprocess", "child\n3\n-6\n"), Ordinary("py_tempfile", "True True\n"),
            Ordinary("py_sqlite", "45\n"), Ordinary("py_user", "True True True\n"),
            Ordinary("py_unicode", "žluťoučký kůň 🐎 kůň\nutf-8 True\n", input: "kůň\n"),
        ])
    func python(subject: ConformanceSubject, ordinary: Ordinary) async throws {
        do {
            let result = try await subject.run(ordinary.program, stdin: .string(ordinary.input))
            expect(result, .exited(code: 0))
            #expect(result.stdoutText == ordinary.output, "\(result.summary)")
            #expect(result.stderrText == (ordinary.input.isEmpty ? "" : "čau\n"), "\(result.summary)")
        } catch let error as SandboxError where error.code == .executableNotFound {
            skip("\(subject.name): no python3 in this rootfs")
        }
    }

    @Test("A clean program under AddressSanitizer", arguments: await ConformanceSubject.all)
    func sanitizer(subject: ConformanceSubject) async throws {
        // Its shadow memory, terabytes that are never touched, exceeds the rlimit that backs up the sampling.
        if subject.isSampled { return }
        let result = try await subject.run("asan_clean")
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "3\n" && result.stderr.isEmpty, "\(result.summary)")
    }

    @Test("A terminal of its own", arguments: await ConformanceSubject.all)
    func terminal(subject: ConformanceSubject) async throws {
        guard subject.has(.rootfs) else { return }
        let result = try await subject.run("terminal")
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "named 1\r\n", "\(result.summary)")
    }

    /// Debian keeps files that its JDK needs in /etc, and links in /usr point to them.
    @Test("Java with the host's own files", arguments: await ConformanceSubject.all)
    func java(subject: ConformanceSubject) async throws {
        guard subject.image == .host, !subject.isSampled else { return }
        guard access("/usr/bin/javac", X_OK) == 0 else { return }
        let source = """
            import java.nio.file.*;
            import java.security.*;
            import java.util.*;
            public class Main {
                public static void main(String[] arguments) throws Exception {
                    Files.writeString(Path.of("n.txt"), "3\\n4\\n");
                    int sum = 0;
                    for (String line : Files.readAllLines(Path.of("n.txt"))) sum += Integer.parseInt(line);
                    int bytes = MessageDigest.getInstance("SHA-256").digest(new byte[3]).length;
                    System.out.println(sum + " " + bytes + " " + UUID.randomUUID().toString().length());
                }
            }
            """
        try await subject.withSandbox { sandbox in
            try await sandbox.write(source, to: "Main.java")
            let limits = Limits(wallTime: .seconds(60), cpuTime: .seconds(60), memory: 1 << 30)
            let built = try await sandbox.run(Command("javac", ["Main.java"]), limits: limits)
            #expect(built.outcome == .exited(code: 0), "\(built.summary)")
            let result = try await sandbox.run(Command("java", ["Main"]), limits: limits)
            #expect(result.outcome == .exited(code: 0), "\(result.summary)")
            #expect(result.stdoutText == "7 32 36\n", "\(result.summary)")
        }
    }

    @Test("System calls that libraries probe for end no run", arguments: await ConformanceSubject.all)
    func probes(subject: ConformanceSubject) async throws {
        do {
            let result = try await subject.run("py_probes")
            expect(result, .exited(code: 0), denied: ["ptrace", "socket"])
            #expect(result.stdoutText == "False False 36 False False\n", "\(result.summary)")
        } catch let error as SandboxError where error.code == .executableNotFound {
            skip("\(subject.name): no python3 in this rootfs")
        }
    }

    @Test(
        "A line of shell", arguments: await ConformanceSubject.all,
        [
            ("printf 'b\\na\\nb\\n' | sort | uniq -c | wc -l | tr -d ' '", "2\n"),
            ("echo gone > /dev/null; head -c 4 /dev/urandom | wc -c | tr -d ' '", "4\n"),
            ("echo out > /dev/stdout", "out\n"), ("echo both | tee /dev/stdout", "both\nboth\n"),
            ("cat < /dev/stdin", ""), ("(sleep 0.05; echo late) & wait", "late\n"),
            ("cd /tmp && mkdir d && echo x > d/f && cat d/f && rm -r d", "x\n"),
            ("trap 'echo term' TERM; kill $$; :", "term\n"),
            ("yes | head -n 3", "y\ny\ny\n"), ("date -u +%Z", "UTC\n"), ("cat <<END\nhere\nEND", "here\n"),
            ("ls /dev/fd/ > /dev/null && echo ok", "ok\n"), ("mkfifo p; (echo x > p &); cat p", "x\n"),
        ])
    func shell(subject: ConformanceSubject, line: (script: String, output: String)) async throws {
        let result = try await subject.shell(line.script)
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == line.output, "\(result.summary)")
        #expect(result.stderr.isEmpty, "\(result.summary)")
    }

    @Test("Writing to /dev/stderr by name", arguments: await ConformanceSubject.all)
    func standardErrorByName(subject: ConformanceSubject) async throws {
        let result = try await subject.shell("echo err > /dev/stderr; echo out; exit 4")
        expect(result, .exited(code: 4))
        #expect(result.stdoutText == "out\n" && result.stderrText == "err\n", "\(result.summary)")
    }

    @Test("Programs are found in PATH", arguments: await ConformanceSubject.all)
    func path(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let plain = try await sandbox.run(Command("echo", ["found"]))
            #expect(plain.stdoutText == "found\n", "\(plain.summary)")
            try await sandbox.write("#!/bin/sh\necho own $0", to: "bin/echo", executable: true)
            let own = try await sandbox.run(
                Command("echo", environment: ["PATH": "/work/bin:/usr/bin:/bin"]))
            expect(own, .exited(code: 0))
            #expect(own.stdoutText == "own /work/bin/echo\n", "\(own.summary)")
        }
    }

    @Test("g++ compiles, and its program runs in the next run", arguments: await ConformanceSubject.all)
    func compiler(subject: ConformanceSubject) async throws {
        let source = """
            #include <iostream>
            #include <map>
            #include <string>
            int main() {
                std::map<std::string, int> counts;
                for (std::string word; std::cin >> word;) counts[word]++;
                for (auto &[word, count] : counts) std::cout << word << " " << count << "\\n";
            }
            """
        try await subject.withSandbox { sandbox in
            try await sandbox.write(source, to: "main.cpp")
            let built: RunResult
            do {
                built = try await sandbox.run(
                    Command("g++", ["-std=c++17", "-O1", "main.cpp", "-o", "main"]), limits: .compile)
            } catch let error as SandboxError where error.code == .executableNotFound {
                return skip("\(subject.name): no g++ in this rootfs")
            }
            expect(built, .exited(code: 0))
            let result = try await sandbox.run(Command("./main"), stdin: .string("b a b"))
            expect(result, .exited(code: 0))
            #expect(result.stdoutText == "a 1\nb 2\n", "\(result.summary)")
            try await sandbox.write("int main() { return }", to: "main.cpp")
            let wrong = try await sandbox.run(Command("g++", ["main.cpp", "-o", "main"]), limits: .compile)
            expect(wrong, .exited(code: 1))
            #expect(wrong.stderrText.contains("main.cpp:1:"), "\(wrong.summary)")
        }
    }
}
