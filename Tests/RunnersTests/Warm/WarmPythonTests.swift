/// Warm interpreters on the local backend: what they pass on (nothing), when they are not used, and what is wrong input.
import Foundation
import Sandbox
import Testing

@testable import Runners

@Suite("Warm Python, local")
struct WarmPythonTests {
    /// Runs `body` with a warm runner, which must be warm, and shuts its backend down.
    private func withWarm(
        _ modules: [String] = [], for request: RunRequest = RunRequest(),
        runner: PythonRunner = PythonRunner(),
        _ body: (WarmPythonRunner, LocalBackend) async throws -> Void
    ) async throws {
        let backend = LocalBackend()
        do {
            let python = try await runner.warm(importing: modules, for: request, on: backend)
            try #require(python.coldReason == nil)
            #expect(python.snapshotBytes > 1 << 20)
            try await body(python, backend)
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
    }

    private func text(_ report: RunReport) throws -> String {
        let result = try #require(report.result)
        #expect(result.outcome == .exited(code: 0), "\(result.stderrText)")
        return result.stdoutText
    }

    @Test("Nothing passes from one run to the next")
    func contamination() async throws {
        try await withWarm(["json", "random", "collections", "logging"]) { python, backend in
            /// What one run leaves behind, and the expression by which another would see it.
            let stains = [
                ("import json; json.stain = 1", "hasattr(__import__('json'), 'stain')"),
                ("import builtins; builtins.stain = 1", "hasattr(__import__('builtins'), 'stain')"),
                ("import sys; sys.stain = 1", "hasattr(__import__('sys'), 'stain')"),
                ("import sys; sys.path.append('/stain')", "'/stain' in __import__('sys').path"),
                ("import sys; sys.modules['stain'] = sys", "'stain' in __import__('sys').modules"),
                ("import os; os.environ['STAIN'] = '1'", "'STAIN' in __import__('os').environ"),
                (
                    "import sys; sys.setrecursionlimit(77777)",
                    "__import__('sys').getrecursionlimit() == 77777"
                ),
                (
                    "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
                    "__import__('signal').getsignal(10) == 1"
                ),
                ("open('stain', 'w').write('x')", "__import__('os').path.exists('stain')"),
                ("open('/tmp/stain', 'w').write('x')", "__import__('os').path.exists('/tmp/stain')"),
                (
                    "import logging; logging.getLogger().setLevel(5)",
                    "__import__('logging').getLogger().level == 5"
                ),
                ("import gc; gc.unfreeze(); gc.disable()", "not __import__('gc').isenabled()"),
                ("import os; os.chdir('/tmp')", "__import__('os').getcwd() == '/tmp'"),
                ("import os; os.dup2(1, 50)", "__import__('os').path.exists('/proc/self/fd/50')"),
                ("import os; os.umask(0o777)", "__import__('os').umask(0) == 0o777"),
                (
                    "import collections; collections.OrderedDict.stain = 1",
                    "hasattr(__import__('collections').OrderedDict, 'stain')"
                ),
                (
                    """
                    import ctypes
                    numbers = (1).__class__
                    ctypes.memset(id(257) + 24, 1, 1)
                    """, "257 == 1"
                ),
            ]
            for (stain, look) in stains {
                _ = try await python.run(stain, on: backend)
                let report = try await python.run("print(\(look))", on: backend)
                #expect(report.start == .warm)
                #expect(try text(report) == "False\n", "\(stain)")
            }
        }
    }

    @Test("No file of a run's own can be the next run's interpreter")
    func interpreterFile() async throws {
        try await withWarm { python, backend in
            for attempt in [
                "open('.python3', 'r+b')", "open('.python3', 'wb')", "os.remove('.python3')",
                "os.chmod('.python3', 0)", "os.rename('.python3', 'x')", "os.truncate('.python3', 0)",
            ] {
                _ = try await python.run("import os\ntry: \(attempt)\nexcept OSError: pass", on: backend)
                #expect(try text(try await python.run("print(6 * 7)", on: backend)) == "42\n", "\(attempt)")
            }
        }
    }

    @Test("Every run draws its own random numbers")
    func chance() async throws {
        try await withWarm(["random", "tempfile", "uuid", "secrets", "multiprocessing", "ssl"]) {
            python, backend in
            let source = """
                import random, tempfile, os, uuid, secrets, multiprocessing, ssl
                print(random.random(), random.getrandbits(64))
                print(os.path.basename(tempfile.mktemp()))
                print(uuid.uuid4(), secrets.token_hex(8))
                print(multiprocessing.current_process().authkey.hex(), ssl.RAND_bytes(8).hex())
                """
            var seen: [Set<String>] = Array(repeating: [], count: 4)
            for _ in 0..<5 {
                let lines = try text(try await python.run(source, on: backend)).split(separator: "\n")
                for (index, line) in lines.enumerated() { seen[index].insert(String(line)) }
            }
            #expect(seen.map(\.count) == [5, 5, 5, 5])
        }
    }

    @Test("Runs at the same time, with input, arguments, files and a live stream")
    func many() async throws {
        try await withWarm(["json"]) { python, backend in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let source = """
                            import sys, json
                            value = json.loads(input())
                            open("out", "w").write(str(value * 2) + sys.argv[1])
                            print(value)
                            """
                        let (report, lines) = try await python.run(
                            Array(source.utf8),
                            RunRequest(
                                arguments: ["a\(number)"], stdin: .string("\(number)\n"), outputFiles: ["out"]
                            ),
                            on: backend
                        ) { execution in
                            var bytes: [UInt8] = []
                            for await chunk in execution.output { bytes += chunk.bytes }
                            return String(decoding: bytes, as: UTF8.self)
                        }
                        #expect(lines == "\(number)\n")
                        #expect(report.start == .warm)
                        #expect(report.files["out"]?.bytes == Array("\(number * 2)a\(number)".utf8))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("Limits are those of any run")
    func limits() async throws {
        try await withWarm(["json"]) { python, backend in
            var limits = Limits.standard
            limits.cpuTime = .milliseconds(300)
            limits.memory = 64 << 20
            let stops: [(String, Outcome)] = [
                ("while True: pass", .limitExceeded(.cpuTime)),
                (
                    "x = bytearray(200 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1",
                    .limitExceeded(.memory)
                ),
                ("while True: print('x' * 1000)", .limitExceeded(.output)),
            ]
            for (source, outcome) in stops {
                let report = try await python.run(source, limits: limits, on: backend)
                #expect(report.result?.outcome == outcome, "\(source)")
                #expect(report.start == .warm)
            }
            // The template's memory is on nobody's run, but for what the run changes of it.
            let usage = try #require(try await python.run("print(42)", on: backend).result?.usage)
            #expect(usage.peakMemory < 8 << 20)
        }
    }

    @Test("A run that a start depends on has a start of its own")
    func cold() async throws {
        try await withWarm(for: RunRequest(environment: ["KEPT": "1"])) { python, backend in
            var small = Limits.standard
            small.disk = 1 << 20
            var stack = Limits.standard
            stack.stack *= 2
            let requests: [(RunRequest, String)] = [
                (RunRequest(environment: ["PYTHONHASHSEED": "1"]), "PYTHONHASHSEED"),
                (RunRequest(environment: ["LC_ALL": "C"]), "LC_ALL"),
                (RunRequest(limits: small), "disk"), (RunRequest(limits: stack), "stack"),
                (RunRequest(sourceName: "other.py"), "name"),
                (RunRequest(options: SandboxOptions(rootfs: .writable)), "options"),
                (RunRequest(inputFiles: [InputFile(".python3", [])]), ".python3"),
            ]
            for (request, reason) in requests {
                let report = try await python.run("print(42)", request, on: backend)
                #expect(try text(report) == "42\n")
                guard case .cold(let said) = report.start else {
                    Issue.record("\(reason): \(String(describing: report.start))")
                    continue
                }
                #expect(said.contains(reason), "\(said)")
            }
            let other = try await python.run(
                "import os; print(os.environ.get('X'))", environment: ["X": "2"], on: backend)
            #expect(other.start == .warm)
            #expect(try text(other) == "2\n")
        }
    }

    @Test("The interpreter is executed anew where a file that was mapped has changed")
    func changedFile() async throws {
        let folder = NSTemporaryDirectory() + "warm-\(UInt64.random(in: 0...UInt64.max))"
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder) }
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        // A library that the interpreter maps: any that it has, by another name.
        let backend = LocalBackend()
        var request = RunRequest()
        request.options.bindMounts = [BindMount(ByteString(folder), at: "/libraries")]
        let library = try await PythonRunner().run(
            "import ctypes.util; print([l.split()[-1] for l in open('/proc/self/maps') if '/libm' in l][0])",
            on: backend)
        let path = try text(library).trimmingCharacters(in: .whitespacesAndNewlines)
        try files.copyItem(atPath: path, toPath: folder + "/libm.so.6")
        request.environment = ["LD_LIBRARY_PATH": "/libraries"]
        let python = try await PythonRunner().warm(for: request, on: backend)
        try #require(python.coldReason == nil)
        let source =
            "import gc; print(gc.get_freeze_count() > 0, '/libraries' in open('/proc/self/maps').read())"
        #expect(try text(try await python.run(source, request, on: backend)) == "True True\n")
        try files.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: folder + "/libm.so.6")
        #expect(try text(try await python.run(source, request, on: backend)) == "False True\n")
        await backend.shutdown()
    }

    /// Else the kernel is asked for each page of it, which costs a quarter of a small run.
    @Test("A snapshot says which memory a run writes to")
    func touchedMemory() async throws {
        try await withWarm(["json"]) { python, _ in
            let table = try #require(python.snapshot).file.bytes.dropFirst(16 * 4096).prefix(4096)
            let words = table.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
            let pairs = stride(from: 0, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) }
                .prefix { $0.0 != 0 }
            #expect(pairs.count > 20)
            #expect(pairs.allSatisfy { $0.0 < $0.1 && ($0.0 | $0.1) % 4096 == 0 }, "\(pairs)")
            #expect(zip(pairs, pairs.dropFirst()).allSatisfy { $0.1 < $1.0 }, "in order, apart")
        }
    }

    @Test("Modules that cannot be imported are named")
    func wrongModules() async throws {
        let backend = LocalBackend()
        for (modules, said) in [
            (["json", "no_such_module"], "no_such_module"),
            (["os; import json"], "is not the name of a module"),
            ([""], "is not the name of a module"), (["a..b"], "is not the name of a module"),
        ] {
            let error = await #expect(throws: SandboxError.self) {
                _ = try await PythonRunner().warm(importing: modules, on: backend)
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(said) == true, "\(error?.message ?? "")")
        }
        let missing = await #expect(throws: SandboxError.self) {
            _ = try await PythonRunner(interpreter: "/usr/bin/no-python").warm(on: backend)
        }
        #expect(missing?.code == .toolchainNotFound)
        // An interpreter that ignores its variables cannot be a template; programs run all the same.
        let isolated = try await PythonRunner(flags: ["-I"]).warm(on: backend)
        #expect(isolated.coldReason != nil)
        let report = try await isolated.run("print(42)", on: backend)
        #expect(try text(report) == "42\n")
        #expect(report.start == .cold(reason: isolated.coldReason ?? ""))
        await backend.shutdown()
    }
}
