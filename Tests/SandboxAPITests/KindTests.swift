/// Tests the kinds to which other packages can add.

import SandboxAPI
import Testing

struct KindTests {
    /// File systems and engines distinguish names that look alike.
    @Test func imagesAreComparedByTheirBytes() {
        let composed = Image.reference("caf\u{e9}")
        let decomposed = Image.reference("cafe\u{301}")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(Image.reference("host") == .host)
        #expect("\(Image.reference("debian:12"))" == "debian:12")
        #expect("\(Image(rawValue: ByteString([0x61, 0xff])))" == "a\\xff")
    }

    @Test func aLanguageOfSomebodyElse() {
        let lua = Language(rawValue: "lua")
        #expect(lua == "lua" && lua != .cpp)
        #expect(!Language.allCases.contains(lua))
        var options = SandboxOptions()
        options.language = lua
        #expect(options.language == "lua")
    }
}
