/// Tests that byte strings are compared, split and shown by their bytes.

import Testing

@testable import Sandbox
@testable import SandboxRuntime

@Suite struct ByteStringTests {
    @Test func isNotWhatItLooksLike() {
        let composed: ByteString = "\u{e9}"
        let decomposed: ByteString = "e\u{301}"
        #expect("\u{e9}" == "e\u{301}" && composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
        #expect(decomposed < composed)
        var values: [ByteString: Int] = [:]
        values["\u{e9}"] = 1
        values["e\u{301}"] = 2
        #expect(values[composed] == 1 && values[decomposed] == 2)
    }

    @Test func text() {
        let odd = ByteString([0x61, 0xff, 0xc3, 0xa9, 0xe2, 0x82])
        #expect(odd.exactText == nil)
        #expect(odd.text == "a\u{fffd}é\u{fffd}")
        #expect(odd.description == "a\\xffé\\xe2\\x82")
        #expect(ByteString([0x0a, 0x0f, 0x80]).description == "\n\u{f}\\x80")
        #expect(ByteString("é\0").exactText == "é\0")
        #expect("\(ByteString(""))" == "" && ByteString("").isEmpty)
        for length in 0..<6 {
            // For every place at which the text is cut.
            let cut = ByteString(Array("ab€𝄞".utf8).dropLast(length))
            #expect(cut.description.hasPrefix("ab"), "\(length)")
        }
    }

    @Test func parts() {
        #expect(ByteString("/a//b/").parts == ["a", "b"])
        #expect(ByteString("d/\u{301}x/\u{200d}").parts == ["d", "\u{301}x", "\u{200d}"])
        #expect(ByteString(path: ["a", "\u{301}"] as [ByteString]) == "a/\u{301}")
        #expect(ByteString("/\u{301}").isAbsolute && !ByteString("\u{301}/").isAbsolute)
        #expect(ByteString([0xff]).cString == [-1, 0])
    }

    @Test func isShownShort() {
        #expect(Validation.quoted("a\nb\\" as ByteString) == "\"a\\nb\\\\\"")
        #expect(Validation.quoted(ByteString([0x61, 0xff])) == "\"a\\xff\"")
        let long = Validation.quoted(ByteString(String(repeating: "€", count: 5000)))
        #expect(long == "\"\(String(repeating: "€", count: 80))…\"")
        #expect(Validation.quoted(ByteString(String(repeating: "x", count: 80))).hasSuffix("x\""))
        #expect(Validation.quoted(ByteString([UInt8](repeating: 0xff, count: 5000))).utf8.count < 2000)
    }

    @Test func inputsOfText() {
        let text = "x"
        let command = Command(text, [text], environment: [text: text], directory: text)
        #expect(command == Command("x" as ByteString, ["x"], environment: ["x": "x"], directory: "x"))
        #expect(InputFile(text, []) == InputFile("x" as ByteString, []))
        // A literal is the same whichever initializer takes it.
        #expect(Command("x", ["\u{e9}"]).arguments == [ByteString("\u{e9}")])
    }

    /// Images, and so the entries of the cache, are identified by the bytes of their names.
    @Test func imagesAreKnownByBytes() {
        #expect(Image.reference("\u{e9}") != Image.reference("e\u{301}"))
        #expect(Set([Image.reference("\u{e9}"), .reference("e\u{301}"), .host]).count == 3)
        #expect(Image.reference("a") == .reference("a") && Image.host == .host)
    }
}
