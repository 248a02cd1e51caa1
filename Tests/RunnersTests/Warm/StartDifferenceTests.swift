/// Programs run in a warm interpreter and in one that starts for them: both must do the same.
import Foundation
import Runners
import Sandbox
import Testing

@Suite("Cold and warm")
struct StartDifferenceTests {
    /// A program and what it is given.
    struct Sample: Sendable {
        var name: String
        var source: String
    }

    /// Those of the file, in which a line "### name" begins each.
    private static func written() throws -> [Sample] {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().appending(path: "../../LanguagePrograms/python/start.txt")
        var samples: [Sample] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        {
            if line.hasPrefix("### ") {
                samples.append(Sample(name: String(line.dropFirst(4)), source: ""))
            } else {
                samples[samples.count - 1].source += line + "\n"
            }
        }
        return samples
    }

    /// One for each way that an exit status can be given, and for each module that a program may import.
    private static var generated: [Sample] {
        let statuses = ["0", "1", "2", "42", "120", "127", "128", "255", "256", "-1", "-256", "False"]
            .map { Sample(name: "status \($0)", source: "import sys\nprint('x')\nsys.exit(\($0))\n") }
        let exceptions = """
            ArithmeticError AssertionError AttributeError BlockingIOError BrokenPipeError BufferError BytesWarning
            ChildProcessError ConnectionAbortedError ConnectionError DeprecationWarning EOFError EncodingWarning
            FileExistsError FileNotFoundError FloatingPointError FutureWarning ImportError IndexError InterruptedError
            IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError NameError NotImplementedError OSError
            OverflowError PermissionError ProcessLookupError RecursionError ReferenceError RuntimeError StopAsyncIteration
            StopIteration SystemError TimeoutError TypeError UnboundLocalError UserWarning ValueError Warning
            """
        let modules = """
            abc argparse array ast asyncio base64 binascii bisect calendar cmath cmd code codecs collections colorsys
            configparser contextlib copy csv ctypes curses dataclasses datetime dbm decimal difflib dis email enum
            fnmatch fractions functools getopt glob graphlib gzip hashlib heapq hmac html http imaplib ipaddress itertools
            json keyword locale lzma mailbox math mimetypes multiprocessing numbers operator optparse pathlib pdb pickle
            platform pprint queue random re sched secrets select shelve shlex shutil smtplib socket sqlite3 ssl stat
            statistics string struct subprocess symtable tarfile tempfile textwrap threading timeit token trace turtle
            types typing unicodedata unittest urllib uuid wave weakref xml xmlrpc zipfile zlib zoneinfo
            """
        return statuses
            + exceptions.split { $0.isWhitespace }.map {
                Sample(
                    name: "exception \($0)",
                    source: "def f(n):\n    if n == 0: raise \($0)('text')\n    f(n - 1)\nf(3)\n")
            }
            + modules.split { $0.isWhitespace }.map {
                Sample(
                    name: "module \($0)",
                    source: "import \($0) as m\nprint(m.__name__, len(m.__doc__ or str()))\n")
            }
    }

    /// What a run did, for comparing.
    private struct Deed: Equatable, CustomStringConvertible {
        var outcome: Outcome
        var stdout, stderr: String
        var file: [UInt8]?

        init(_ report: RunReport) throws {
            let result = try #require(report.result)
            outcome = result.outcome
            stdout = Self.withoutAddresses(result.stdoutText)
            stderr = Self.withoutAddresses(result.stderrText)
            file = report.files["out"]?.bytes
        }

        private static func withoutAddresses(_ text: String) -> String {
            text.replacing(/0x[0-9a-f]{6,}/, with: "0x…")
        }

        var description: String {
            "\(outcome)\n--- stdout\n\(stdout)--- stderr\n\(stderr)--- file \(file?.count ?? -1)"
        }
    }

    @Test("Three hundred programs do the same", arguments: [[], ["json", "random", "asyncio", "logging"]])
    func same(modules: [String]) async throws {
        let backend = LocalBackend()
        let cold = PythonRunner()
        let warm = try await cold.warm(importing: modules, on: backend)
        #expect(warm.coldReason == nil)
        let samples = try Self.written() + Self.generated
        #expect(samples.count >= 300)
        for sample in samples {
            let request = RunRequest(
                arguments: ["a", "b c", ""], stdin: .string("line 1\nline 2\n"),
                environment: ["OWN": "variable"], outputFiles: ["out"])
            let expected = try await cold.run(sample.source, request, on: backend)
            let report = try await warm.run(sample.source, request, on: backend)
            #expect(report.start == .warm, "\(sample.name)")
            let (one, other) = (try Deed(expected), try Deed(report))
            if one != other { Issue.record("\(sample.name): cold: \(one)\nwarm: \(other)") }
        }
        await backend.shutdown()
    }
}
