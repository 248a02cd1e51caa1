/// Tests the traceback parser on real output of CPython.
import Runners
import Testing

@Suite struct TracebackTests {
    private func parse(_ text: String) throws -> PythonTraceback {
        try #require(PythonTraceback.parse(Array((text + "\n").utf8)))
    }

    @Test func plain() throws {
        let found = try parse(PythonSamples.zero)
        #expect(found.exceptionType == "ZeroDivisionError")
        #expect(found.message == "division by zero")
        #expect(
            found.frames == [
                .init(file: "/work/zero.py", line: 4, function: "<module>", source: "divide(1, 0) + 3"),
                .init(file: "/work/zero.py", line: 2, function: "divide", source: "return a / b"),
            ])
        #expect(found.chain.isEmpty)
        #expect(found.text == PythonSamples.zero + "\n")
    }

    @Test func outputBeforeAndAfter() throws {
        let found = try parse("log line\n  indented\n" + PythonSamples.zero)
        #expect(found.message == "division by zero")
        #expect(found.text == PythonSamples.zero + "\n")
        #expect(try parse(PythonSamples.logged).message == "division by zero\nsome log: line")
    }

    @Test func chained() throws {
        let found = try parse(PythonSamples.chain)
        #expect(found.exceptionType == "MyError")
        #expect(found.message == "")
        #expect(found.frames.map(\.line) == [12])
        try #require(found.chain.count == 2)
        #expect(found.chain[0].exceptionType == "KeyError")
        #expect(found.chain[0].relation == .cause)
        #expect(found.chain[0].message == "'k'")
        #expect(found.chain[0].frames.map(\.function) == ["b", "a"])
        #expect(found.chain[1].exceptionType == "ValueError")
        #expect(found.chain[1].relation == .context)
        #expect(found.chain[1].message == "bad value: 5\nsecond line\n  File \"x\", line 3, in y")
        #expect(found.text.hasPrefix("Traceback") && found.text.contains("KeyError"))
    }

    @Test func syntaxErrors() throws {
        let found = try parse(PythonSamples.syntax)
        #expect(found.exceptionType == "SyntaxError")
        #expect(found.message == "'(' was never closed")
        #expect(
            found.frames == [.init(file: "/work/syntax.py", line: 2, function: nil, source: "print(\"abc\"")])
        #expect(try parse(PythonSamples.indent).exceptionType == "IndentationError")
        #expect(try parse(PythonSamples.tab).exceptionType == "TabError")
        let encoding = try parse(PythonSamples.nonutf8)
        #expect(encoding.exceptionType == "SyntaxError")
        #expect(encoding.frames.isEmpty)
        let imported = try parse(PythonSamples.importbad)
        #expect(imported.frames.map(\.function) == ["<module>", "load", nil])
        #expect(imported.frames.last?.source == "def f(:")
    }

    @Test func recursion() throws {
        let found = try parse(PythonSamples.recurse)
        #expect(found.exceptionType == "RecursionError")
        #expect(found.frames.count == 4)
        #expect(found.frames[3].repeated == 996)
        #expect(found.frames[2].repeated == 0)
    }

    @Test func groups() throws {
        let found = try parse(PythonSamples.group)
        #expect(found.exceptionType == "ExceptionGroup")
        #expect(found.message == "many: things (2 sub-exceptions)")
        #expect(found.frames.map(\.function) == ["<module>", "main"])
        #expect(found.text.contains("TypeError: t1") == false)
        let context = try parse(PythonSamples.groupchain)
        #expect(context.chain.map(\.exceptionType) == ["ZeroDivisionError"])
        let cause = try parse(PythonSamples.groupcause)
        #expect(cause.exceptionType == "RuntimeError")
        #expect(cause.chain.map(\.message) == ["g (1 sub-exception)"])
        let both = try parse(PythonSamples.groupgroup)
        #expect(both.message == "after (1 sub-exception)")
        #expect(both.chain.map(\.message) == ["first\nsecond (1 sub-exception)"])
    }

    @Test func namesAndMessages() throws {
        #expect(try parse(PythonSamples.local).exceptionType == "f.<locals>.E")
        #expect(try parse(PythonSamples.local).frames[1].file == "<string>")
        #expect(try parse(PythonSamples.note).message == "x\nnote one\nnote two")
        #expect(try parse(PythonSamples.emptyMsg).message == "")
        #expect(try parse(PythonSamples.interrupt).exceptionType == "KeyboardInterrupt")
        let odd = try parse(PythonSamples.spAceQ)
        #expect(odd.frames[0].file == "/work/sp ace\"q.py")
        #expect(odd.message == "\n  File \"x\", line 1\n\nDuring handling")
    }

    @Test func threadsAndDestructorsComeSecond() throws {
        let found = try parse(PythonSamples.thread)
        #expect(found.exceptionType == "ValueError")
        #expect(found.message == "main")
        let start = try #require(PythonSamples.thread.range(of: "Exception in"))
        let threadOnly = try parse(String(PythonSamples.thread[start...]))
        #expect(threadOnly.exceptionType == "KeyError")
    }

    @Test func remoteTracebacks() throws {
        let found = try parse(PythonSamples.mp)
        #expect(found.exceptionType == "ZeroDivisionError")
        #expect(found.message == "integer division or modulo by zero")
        #expect(found.chain.map(\.relation) == [.cause])
    }

    @Test(
        arguments: [
            "", "\n\n", "Traceback (most recent call last):",
            "Traceback (most recent call last):\n  File \"x\"",
            "ZeroDivisionError: division by zero", "  File \"x\", line 1\nhello: there",
            "  File \"x\", line 1, in f\nValueError: x",
            "  + Exception Group Traceback (most recent call last):\nx",
        ])
    func none(_ text: String) {
        #expect(PythonTraceback.parse(Array(text.utf8)) == nil)
        #expect(PythonTraceback.parse(Array(PythonSamples.exitmsg.utf8)) == nil)
    }

    @Test func truncatedInTheMiddle() throws {
        // The last exception is cut off: the one that led to it is reported.
        let end = try #require(PythonSamples.chain.range(of: "  File \"/work/chain.py\", line 12"))
        let found = try parse(String(PythonSamples.chain[..<end]))
        #expect(found.exceptionType == "ValueError")
        #expect(found.chain.map(\.exceptionType) == ["KeyError"])
    }

    @Test func bounds() throws {
        var text = "Traceback (most recent call last):\n"
        for line in 1...5000 { text += "  File \"a\", line \(line), in f\n    x\n" }
        text += "E: m"
        let found = try parse(text)
        #expect(found.frames.count == PythonTraceback.maximumFrames)
        #expect(found.message == "m")
        let one = "Traceback (most recent call last):\nE: m\n"
        let link = "\nDuring handling of the above exception, another exception occurred:\n\n"
        let long = try parse(String(repeating: one + link, count: 3000) + one)
        #expect(long.chain.count == PythonTraceback.maximumChain)
    }
}

extension String {
    /// The first place of `part`, without Foundation.
    fileprivate func range(of part: String) -> String.Index? {
        indices.first { self[$0...].hasPrefix(part) }
    }
}
