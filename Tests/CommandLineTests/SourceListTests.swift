/// Tests which files of a command line are sources, in which language, and which mixes are refused.

#if CLI
import Sandbox
import Testing

@testable import SandboxCLI

@Suite struct SourceListTests {
    private func complaint(_ paths: ByteString..., language: Language? = nil) -> String? {
        do throws(SandboxError) {
            _ = try SourceList(paths, language: language, try KnownLanguages(nil))
            return nil
        } catch {
            #expect(error.code == .invalidArgument && error.hint != nil)
            return error.message
        }
    }

    @Test func severalSources() throws {
        let cpp = try SourceList(
            ["src/a.hpp", "src/main.cpp", "b.cc", "c.h"], language: nil, try KnownLanguages(nil))
        #expect(cpp.language == .cpp && cpp.first == "src/main.cpp" && cpp.name == "main.cpp")
        #expect(cpp.others == ["src/a.hpp", "b.cc", "c.h"])
        let python = try SourceList(["x/words.py", "helper.py"], language: nil, try KnownLanguages(nil))
        #expect(python.language == .python && python.name == "words.py" && python.others == ["helper.py"])
    }

    @Test func languages() throws {
        #expect(try SourceList(["a.txt"], language: .python, try KnownLanguages(nil)).first == "a.txt")
        #expect(try SourceList(["a.py"], language: .cpp, try KnownLanguages(nil)).language == .cpp)
        let stdin = try SourceList(["-"], language: .cpp, try KnownLanguages(nil))
        #expect(stdin.first == SourceList.ownStandardInput && stdin.name == nil)
        #expect(complaint("-")?.contains("our own stdin has no suffix") == true)
        #expect(complaint("a.zig")?.contains("'a.zig' names no language") == true)
        #expect(complaint("util.hpp")?.contains("'util.hpp'") == true)
    }

    @Test func refusedMixes() {
        #expect(
            complaint("a.cpp", "b.py") == "'b.py' is python, and 'a.cpp' is cpp: a program has one language")
        #expect(complaint("b.py", "a.cpp")?.contains("one language") == true)
        #expect(complaint("a.py", "b.py", language: .cpp)?.contains("one language") == true)
        #expect(complaint("b.py", "a.hpp")?.contains("'a.hpp' names no source or header of python") == true)
        #expect(complaint("a.cpp", "data.txt")?.contains("'data.txt'") == true)
        #expect(complaint("x/a.cpp", "y/a.cpp") == "two sources have the name 'a.cpp'")
        #expect(complaint("a.cpp", "a.cpp") == "two sources have the name 'a.cpp'")
        #expect(complaint("a.cpp", "-")?.contains("our own stdin") == true)
        #expect(complaint("-", "a.cpp", language: .cpp)?.contains("our own stdin") == true)
    }
}
#endif
