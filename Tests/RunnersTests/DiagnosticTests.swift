/// Tests the diagnostics parser on real output of compilers and linkers.
import Runners
import Testing

@Suite struct DiagnosticTests {
    private func parse(_ text: String) -> [Diagnostic] { Diagnostic.parse(Array(text.utf8)) }

    /// `file:line:column severity` of each.
    private func places(_ text: String) -> [String] {
        parse(text).map { one in
            one.file + (one.line.map { ":\($0)" } ?? "") + (one.column.map { ":\($0)" } ?? "")
                + " \(one.severity.rawValue)"
        }
    }

    @Test func warningsWithOptions() {
        let found = parse(CompilerSamples.gccWarn)
        #expect(found.count == 5)
        #expect(
            found[0]
                == Diagnostic(
                    file: "warn.cpp", line: 2, column: 98, severity: .warning,
                    message: "format ‘%s’ expects argument of type ‘char*’, but argument 3 has type ‘int’",
                    option: "-Wformat="))
        #expect(found[1].option == "-Wunused-variable")
        #expect(found[4].severity == .note)
        #expect(found[4].option == nil)
    }

    @Test func colorsMakeNoDifference() {
        #expect(parse(CompilerSamples.gccColor) == parse(CompilerSamples.gccWarn))
    }

    @Test func warningsAsErrors() {
        let found = parse(CompilerSamples.gccWerror)
        #expect(found.map(\.severity) == [.error, .error, .error, .error, .note])
        #expect(found[0].option == "-Werror=format=")
        #expect(parse(CompilerSamples.clangWarn).first?.option == "-Werror,-Wformat")
        #expect(parse(CompilerSamples.clangWarn).count == 5)
    }

    @Test func errorsAndNoExcerpts() {
        let expected = [5, 8, 9, 10, 3].map { "err.cpp:\($0)" }
        let found = parse(CompilerSamples.gccErr)
        #expect(found.map { "\($0.file):\($0.line!)" } == expected)
        #expect(found.allSatisfy { $0.severity == .error })
        #expect(found[1].option == "-fpermissive")
        // `{aka …}` and `[with T = int]` stay in the message.
        #expect(found[0].message.hasSuffix("requested"))
    }

    @Test func fatalErrors() {
        #expect(places(CompilerSamples.gccFatal) == ["fatal.cpp:1:10 fatalError"])
        #expect(places(CompilerSamples.gccDepth) == ["depth.cpp:1:58 fatalError"])
        #expect(places("cc1plus: fatal error: nothere.cpp: No such file\n") == ["cc1plus fatalError"])
        #expect(
            places("g++: internal compiler error: Segmentation fault signal terminated program cc1plus")
                == ["g++ fatalError"])
        #expect(places("a b.cpp:1:2: internal compiler error: Aborted") == ["a b.cpp:1:2 fatalError"])
        #expect(places("a.cpp:1:2: sorry, unimplemented: no") == ["a.cpp:1:2 error"])
        #expect(places(CompilerSamples.gccOption) == ["g++ error"])
        #expect(
            places("fatal error: too many errors emitted, stopping now [-ferror-limit=]") == [" fatalError"])
    }

    @Test func fileNamesWithSpacesAndColons() {
        #expect(places(CompilerSamples.gccSpace) == [22, 22, 21, 35].map { "with space.h:1:\($0) error" })
        let found = parse(CompilerSamples.gccHash)
        #expect(found.map(\.file) == ["hash.cpp", "hash.cpp", "we ird:name.cpp"])
        #expect(found[0].message == "#error message: with: colons")
        #expect(found[2].line == 7 && found[2].column == 21)
    }

    @Test func linker() {
        #expect(
            places(CompilerSamples.gccLink) == [
                "/tmp/cczVzCdx.o warning", "link.cpp error", "link.cpp error", "link.cpp error",
                "/usr/bin/ld warning",
                "collect2 error",
            ])
        #expect(parse(CompilerSamples.gccLink)[2].message == "undefined reference to `foo(int)'")
        #expect(
            places(CompilerSamples.gccLinkG).dropFirst().prefix(3) == [
                "/work/link.cpp:3 error", "/work/link.cpp:3 error", "/work/link.cpp:3 error",
            ])
        #expect(places(CompilerSamples.gccLib) == ["/usr/bin/ld error", "collect2 error"])
        #expect(
            parse(CompilerSamples.gccLib)[0].message == "cannot find -lnosuchlib: No such file or directory")
        #expect(places(CompilerSamples.gccTwo) == ["m2.cpp error", "collect2 error"])
        // No `main`: the line itself names no file, but the one before it does.
        let empty = parse(CompilerSamples.gccEmpty)
        #expect(empty[0].file.hasSuffix("/Scrt1.o"))
        #expect(empty[0].message == "undefined reference to `main'")
    }

    @Test func otherLinkers() {
        #expect(
            places(CompilerSamples.clangGold)
                == ["link.cpp error", "link.cpp error", "link.cpp error", "clang++ error"])
        #expect(
            places(CompilerSamples.clangLld)
                == ["ld.lld error", "ld.lld error", "ld.lld error", "clang++ error"])
    }

    @Test func assembler() {
        #expect(places(CompilerSamples.gccAsm) == ["asm.cpp:1 error"])
    }

    @Test func bytesThatAreNotUTF8() {
        let bytes = Array(CompilerSamples.gccBytes.utf8).split(separator: 0xc2).joined(separator: []).map {
            $0 == 0xa7 ? 0xff : $0
        }
        let found = Diagnostic.parse(bytes)
        #expect(found.map(\.column) == [17, 26, 14, 22])
        let raw = Diagnostic.parse(Array("m\u{e9}.cpp:1:2: error: x".unicodeScalars.map { UInt8($0.value) }))
        #expect(raw.first?.file == "m\u{fffd}.cpp")
    }

    @Test func aSourceCanForgeLinesAndNothingElse() {
        // `static_assert(false, "first\nsecond.cpp:1:1: error: forged")`: looks exactly like a real one.
        #expect(
            places(CompilerSamples.gccAssert)
                == ["assert.cpp:1:27 error", "second.cpp:1:1 error", "assert.cpp:1:27 note"])
    }

    @Test(
        arguments: [
            "", "\n", ":", ": ", "::::", "error", "error:x", ": error: x", ":1:2: error: x", "a b: error: x",
            "    3 | x.cpp:1:1: error: y", "12345 | x: error: y", "In file included from a.cpp:1:",
            "                 from b.cpp:2,", "main.cpp:5:7:   required from here", "1 error generated.",
            "compilation terminated.", "a.cpp:1:2: error without a colon", "a.cpp:99999999999999999999:1:",
            "/usr/bin/ld: a.o: in function `main':", "/usr/bin/ld: ", "\u{1b}[", "\u{1b}[01m",
        ])
    func noDiagnostics(_ text: String) {
        #expect(parse(text).isEmpty)
    }

    @Test func oddOnes() {
        #expect(places("a.cpp:1:2: error:") == ["a.cpp:1:2 error"])
        #expect(places("a.cpp:1:2: error: x\r\n") == ["a.cpp:1:2 error"])
        #expect(parse("a.cpp:1:2: error: x\r\n")[0].message == "x")
        #expect(parse("a.cpp:1:2: warning: a: error: b: c")[0].message == "a: error: b: c")
        #expect(parse("a.cpp:1:2: error: no [with T = int]")[0].message == "no [with T = int]")
        #expect(places("a.cpp:3: error: no column") == ["a.cpp:3 error"])
    }

    @Test func atMostAThousand() {
        let text = String(repeating: "a.cpp:1:2: error: x\n", count: 5000)
        #expect(parse(text).count == Diagnostic.maximumCount)
    }
}
