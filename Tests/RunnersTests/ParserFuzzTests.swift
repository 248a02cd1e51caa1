/// Mutated and hostile texts for both parsers: no crash, bounded results, linear time.
import Runners
import TestSupport
import Testing

@Suite struct ParserFuzzTests {
    private static let samples: [[UInt8]] = [
        CompilerSamples.gccWarn, CompilerSamples.gccLink, CompilerSamples.gccColor, CompilerSamples.clangGold,
        CompilerSamples.gccEmpty, PythonSamples.chain, PythonSamples.group, PythonSamples.groupgroup,
        PythonSamples.recurse, PythonSamples.thread, PythonSamples.syntax, PythonSamples.mp,
    ].map { Array(($0 + "\n").utf8) }

    private static let tokens: [[UInt8]] = [
        ": ", ":", ": error: ", ":1", ":1:2", " [-W", "]", "\n", "\r\n", "\u{1b}[", "  File \"", "\", line ",
        ", in ",
        "Traceback (most recent call last):\n", "  + Exception Group Traceback (most recent call last):\n",
        "  | ",
        "\n\nDuring handling of the above exception, another exception occurred:\n\n", "    ", "ld: ",
        "/usr/bin/ld: ",
        ":function ", "Exception ignored in\n", "  [Previous line repeated ", ": in function `", "(",
        "SyntaxError: x\n",
        "  +-", "99999999999999999999",
    ].map { Array($0.utf8) }

    private func check(_ text: [UInt8]) {
        let diagnostics = Diagnostic.parse(text)
        #expect(diagnostics.count <= Diagnostic.maximumCount)
        if let traceback = PythonTraceback.parse(text) {
            #expect(traceback.frames.count <= PythonTraceback.maximumFrames)
            #expect(traceback.chain.count <= PythonTraceback.maximumChain)
        }
    }

    @Test(arguments: 0..<8)
    func mutations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<250 {
            var text = Self.samples.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let start = Int.random(in: 0...text.count, using: &random)
                let end = min(text.count, start + Int.random(in: 0...30, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text.removeSubrange(start..<end)
                case 1: text.insert(contentsOf: Self.tokens.randomElement(using: &random)!, at: start)
                case 2: text.insert(contentsOf: text[start..<end], at: start)
                default: for index in start..<end { text[index] = UInt8.random(in: 0...255, using: &random) }
                }
            }
            check(text)
        }
    }

    @Test(arguments: 100..<104)
    func tokenSoup(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<250 {
            check((0..<60).flatMap { _ in Self.tokens.randomElement(using: &random)! })
        }
    }

    /// Texts that would make a careless parser quadratic. A quadratic one would take hours, so the bound can
    /// be generous.
    @Test(arguments: tokens.indices)
    func hostileRepetition(token: Int) {
        let unit = Self.tokens[token]
        let clock = ContinuousClock()
        let duration = clock.measure {
            check(Array(repeatElement(unit, count: (512 << 10) / unit.count).joined()))
            // The same within one line.
            check(Array(repeatElement(unit.filter { $0 != 0x0a }, count: (512 << 10) / unit.count).joined()))
        }
        #expect(duration < .seconds(30))
    }

    @Test(arguments: ["a b: error: ", "a b: error: x:function ", "ld: x: relocation ", "\u{1b}[m", " [-a b]"])
    func hostileLines(unit: String) {
        let clock = ContinuousClock()
        let duration = clock.measure {
            check(Array(String(repeating: unit, count: (512 << 10) / unit.utf8.count).utf8))
        }
        #expect(duration < .seconds(30))
    }
}
