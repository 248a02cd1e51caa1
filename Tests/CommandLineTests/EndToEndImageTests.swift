/// Runs the built command's `image list` and `image remove` on a cache of their own.

#if CLI
import Foundation
import Testing

@testable import SandboxCLI

/// A program for images, which needs no library.
let busybox = "/bin/busybox"

/// A root file system with one static program, in an archive.
func makeArchive(_ name: String, in folder: ScratchFolder) throws -> String {
    let path = "\(folder.path)/\(name)"
    let script = """
        root=$(mktemp -d) && mkdir -p "$root/usr/bin" && cp \(busybox) "$root/usr/bin/busybox" &&
        echo \(name) >"$root/usr/name" && tar -C "$root" -cf "$1" . && rm -r "$root"
        """
    let shell = try Process.run(
        URL(fileURLWithPath: "/bin/sh"), arguments: ["-c", script, "sh", path])
    shell.waitUntilExit()
    try #require(shell.terminationStatus == 0)
    return path
}

extension EndToEnd {
    @Suite(
        .enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason),
        .enabled(if: FileManager.default.isExecutableFile(atPath: busybox), "busybox-static is not installed")
    ) struct Images {
        private let folder: ScratchFolder

        init() throws { folder = try ScratchFolder() }

        private func sandbox(
            _ arguments: String..., onOutput: (@Sendable (pid_t) -> Void)? = nil
        ) throws -> Invocation {
            try SandboxProcess.run(
                arguments, through: "export SANDBOX_CACHE='\(folder.path)/cache'; exec \"$@\"",
                onOutput: onOutput)
        }

        @Test func listAndRemove() throws {
            let archive = try makeArchive("one.tar", in: folder)
            #expect(try sandbox("image", "list").out == "no archive is unpacked\n")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache"))
            #expect(try sandbox("image", "remove", "--all").out == "nothing to remove\n")

            let run = try sandbox("exec", "--image", archive, "--", "/usr/bin/busybox", "cat", "/usr/name")
            #expect(run.out == "one.tar\n", "\(run.err)")
            let list = try sandbox("image", "list")
            #expect(list.status == 0 && list.out.hasSuffix("unused  \(archive)\n"), "\(list.out)")
            let json = try sandbox("image", "list", "--json").json
            let image = try #require(json["images"]?.elements?.first)
            #expect(image["source"] == .string(archive) && image["inUse"] == false)
            #expect(json["totalBytes"] == image["bytes"])

            let digest = try #require(image["digest"]?.text)
            #expect(try sandbox("image", "remove", "--older-than", "1d").out == "nothing to remove\n")
            let removed = try sandbox("image", "rm", String(digest.dropFirst(7).prefix(10)))
            #expect(removed.status == 0 && removed.out.hasPrefix("removed \(digest) (\(archive)), "))
            #expect(try sandbox("image", "list", "--json").json["images"] == [])
            let missing = try sandbox("image", "remove", digest)
            #expect(missing.status == 125 && missing.err.contains("the cache has no image"))
        }

        @Test func anImageInUseStays() throws {
            let archive = try makeArchive("one.tar", in: folder)
            let cache = folder.path + "/cache"
            let answers = Answers()
            // While it runs, its image cannot be removed; the program then finds its root whole.
            let run = try sandbox(
                "exec", "--image", archive, "--wall-time", "50", "--", "/usr/bin/busybox", "sh", "-c",
                "echo ready; /usr/bin/busybox sleep 6; /usr/bin/busybox cat /usr/name",
                onOutput: { _ in
                    let through = "export SANDBOX_CACHE='\(cache)'; exec \"$@\""
                    for arguments in [["list"], ["remove", archive], ["remove", "--all"]] {
                        answers.add(try? SandboxProcess.run(["image"] + arguments, through: through))
                    }
                })
            #expect(run.out == "ready\none.tar\n", "\(run.err)")
            let found = answers.all
            try #require(found.count == 3)
            #expect(found[0]?.out.contains("in use  \(archive)\n") == true)
            #expect(found[1]?.status == 125 && found[1]?.err.contains("is in use and stays") == true)
            #expect(found[2]?.status == 0 && found[2]?.out.hasPrefix("in use, stays: sha256:") == true)
            #expect(try sandbox("image", "remove", "--all").out.hasPrefix("removed sha256:"))
        }

        /// The name of an archive is its owner's choice.
        @Test func aHostileName() throws {
            let archive = try makeArchive("x\u{1B}[31m\u{202E}.tar", in: folder)
            _ = try sandbox("exec", "--image", archive, "--", "/usr/bin/busybox", "true")
            for out in [try sandbox("image", "list").out, try sandbox("image", "remove", "--all").out] {
                #expect(out.contains(#"x\u{1B}[31m\u{202E}.tar"#) && !out.contains("\u{1B}"), "\(out)")
            }
        }
    }

    /// What other invocations answered while one ran.
    private final class Answers: @unchecked Sendable {
        private let lock = NSLock()
        private var answers: [Invocation?] = []
        var all: [Invocation?] { lock.withLock { answers } }
        func add(_ answer: Invocation?) { lock.withLock { answers.append(answer) } }
    }
}
#endif
