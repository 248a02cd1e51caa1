// `--bind SRC:DEST`: where one ends and the other begins, and what comes out of the command.
#if CLI
import ArgumentParser
import Foundation
import Sandbox
import Testing

@testable import SandboxCLI

@Suite struct BindOptionTests {
    private static let here = ByteString(FileManager.default.currentDirectoryPath)

    @Test(
        "SRC ends at the last colon before a slash",
        arguments: [
            ("/data:/data", "/data", "/data"), ("/a:b:/c", "/a:b", "/c"), ("/a:/b:/c", "/a:/b", "/c"),
            ("/a:/b:", "/a", "/b:"), ("/a:/b:ro", "/a", "/b"), ("/a:/b/", "/a", "/b"), ("/a:/", "/a", "/"),
            ("/a b:/c d", "/a b", "/c d"), ("/a/:/c", "/a/", "/c"),
        ])
    func splits(argument: String, source: String, target: String) throws {
        let mount = try BindOption.parse(argument).mount
        #expect(mount == BindMount(ByteString(source), at: ByteString(target)))
    }

    @Test("SRC may be relative")
    func relative() throws {
        #expect(try BindOption.parse("data:/data").mount == BindMount(Self.here + "/data", at: "/data"))
        #expect(try BindOption.parse("./data:/data").mount == BindMount(Self.here + "/data", at: "/data"))
    }

    @Test(arguments: ["", ":", "/a", "/a:b", ":/b", "/a:", "/a:/b:rw", "a:b:c"])
    func refused(argument: String) { #expect(throws: BadValue.self) { try BindOption.parse(argument) } }
}

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Binds {
        @Test("The program reads the directory and cannot change it")
        func readOnly() throws {
            let directory = FileManager.default.temporaryDirectory.path + "/binds-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try "hello\n".write(toFile: directory + "/x", atomically: true, encoding: .utf8)
            for rootfs in ["read-only", "writable"] {
                let run = try SandboxProcess.shell(
                    "cat /data/x; echo y > /data/y", "--bind", "\(directory):/data", "--rootfs", rootfs)
                #expect(
                    run.out == "hello\n" && run.status != 0 && run.err.contains("Read-only file system"),
                    "\(run)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["x"])
        }

        @Test("A directory that cannot be bound is named")
        func refused() throws {
            let run = try SandboxProcess.shell("true", "--bind", "/no/such/directory:/data")
            #expect(run.status == 125)
            #expect(
                run.err.hasPrefix(
                    "sandbox: \"/no/such/directory\" cannot be bound into a sandbox: No such file or directory"
                ),
                "\(run)")
        }
    }
}
#endif
