/// Tests `--env` and files of `--env-file`: the format, what is passed on, and which value wins.

#if CLI
import Sandbox
import Testing

@testable import SandboxCLI

@Suite struct EnvironmentTests {
    private func parse(_ text: String) throws -> [EnvironmentOption] {
        try EnvironmentFile.parse(Array(text.utf8), path: "vars").map(\.variable)
    }

    private func complaint(_ bytes: [UInt8]) -> String? {
        do throws(SandboxError) {
            _ = try EnvironmentFile.parse(bytes, path: "vars")
            return nil
        } catch {
            #expect(error.code == .invalidArgument && error.hint != nil)
            return error.message
        }
    }

    @Test func format() throws {
        #expect(try parse("").isEmpty)
        #expect(
            try parse("\u{feff}A=1\r\n\n \t# no=1\n  B='x y' # z \nC\nD==\n") == [
                EnvironmentOption(name: "A", value: "1"), EnvironmentOption(name: "B", value: "'x y' # z "),
                EnvironmentOption(name: "C", value: nil), EnvironmentOption(name: "D", value: "="),
            ])
        let bytes = try EnvironmentFile.parse([0x41, 0x3D, 0xFF], path: "vars")
        #expect(bytes.map(\.variable.value) == [ByteString([0xFF])])
        #expect(try EnvironmentFile.parse(Array("#\nA=1\n\nB=2".utf8), path: "v").map(\.line) == [2, 4])
    }

    @Test func mistakesNameFileAndLine() {
        #expect(complaint(Array("A=1\n=x\n".utf8)) == "line 2 of 'vars': NAME=VALUE or NAME is needed")
        #expect(complaint(Array("\n\nexport A=1\n".utf8))?.hasPrefix("line 3 of 'vars': ") == true)
        // A line may be part of a secret, and no message has it.
        #expect(
            complaint(Array("KEY=-----BEGIN KEY-----\nse cret\n".utf8))
                == "line 2 of 'vars': the variable's name has a blank in it")
        #expect(complaint(Array("A=\0".utf8)) == "line 1 of 'vars': a variable has no NUL in it")
    }

    @Test func laterVariablesWin() throws {
        let own: [ByteString: ByteString] = ["P": "own"]
        let environment = try ProgramEnvironment.combine(
            [("a", Array("X=a\nY=a\nP\n".utf8)), ("b", Array("Y=b\nZ=b\n".utf8))],
            [EnvironmentOption(name: "Z", value: "option"), EnvironmentOption(name: "Z", value: "last")]
        ) { own[$0] }
        #expect(environment == ["X": "a", "Y": "b", "P": "own", "Z": "last"])
    }

    @Test func unsetVariables() {
        func message(_ files: [(path: ByteString, bytes: [UInt8])], _ options: [EnvironmentOption]) -> String?
        {
            do throws(SandboxError) {
                _ = try ProgramEnvironment.combine(files, options) { _ in nil }
                return nil
            } catch {
                return error.message
            }
        }
        #expect(
            message([], [EnvironmentOption(name: "N", value: nil)])
                == "the variable 'N' of `--env` is not set here")
        #expect(
            message([("f", Array("A=1\nN\n".utf8))], [])
                == "the variable on line 2 of 'f' is not set here")
    }
}
#endif
