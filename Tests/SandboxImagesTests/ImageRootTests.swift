/// Images as the roots of sandboxes: every name at the top of an image is at the top of the root.

import Foundation
import Sandbox
import Testing

@testable import SandboxImages

@Suite("The tops of images") struct ImageRootTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// An image with a program that prints, for each argument, a file's text or a link's target.
    private func image(_ fill: (String) throws -> Void) throws -> Image {
        let path = try scratch.makeDirectory("tree")
        _ = try scratch.makeDirectory("tree/bin")
        let source = """
            #include <stdio.h>
            #include <string.h>
            #include <unistd.h>
            int main(int count, char **names) {
                static char text[5000];
                for (int i = 1; i < count; i++) {
                    memset(text, 0, sizeof text);
                    if (readlink(names[i], text, sizeof text - 1) < 0) {
                        FILE *file = fopen(names[i], "r");
                        if (file == NULL)
                            return perror(names[i]), 1;
                        if (fgets(text, sizeof text, file) == NULL)
                            return 1;
                    }
                    printf("%s\\n", text);
                }
                return 0;
            }
            """
        let file = try scratch.write(Array(source.utf8), "show.c")
        try scratch.run("gcc", ["-static", "-O1", file, "-o", path + "/bin/show"])
        try fill(path)
        return .reference(path)
    }

    /// The program's output for these names, in a root of either mode.
    private func show(_ names: [String], of image: Image) async throws -> [Rootfs: [String]] {
        let backend = LocalBackend(.init(minimum: 0))
        var seen: [Rootfs: [String]] = [:]
        for rootfs in [Rootfs.readOnly, .writable] {
            if !(await backend.capabilities.rootfsModes.contains(rootfs)) { continue }
            let options = SandboxOptions(image: image, rootfs: rootfs)
            let result = try await backend.run(Command("/bin/show", names), options: options)
            #expect(result.outcome == .exited(code: 0), "\(rootfs): \(result.stderrText)")
            seen[rootfs] = result.stdoutText.split(separator: "\n").map(String.init)
        }
        await backend.shutdown()
        return seen
    }

    @Test("An image may have any names at its top") func names() async throws {
        let names = ["image", "lower", "empty", "root", "scratch", "run2", "usr"]
        let image = try image { path in
            for name in names {
                try FileManager.default.createDirectory(
                    atPath: path + "/" + name + "/usr", withIntermediateDirectories: true)
                try Data("in \(name)".utf8).write(to: URL(fileURLWithPath: path + "/\(name)/usr/file"))
            }
        }
        for (rootfs, seen) in try await show(names.map { "/\($0)/usr/file" }, of: image) {
            #expect(seen == names.map { "in \($0)" }, "\(rootfs)")
        }
    }

    @Test("An image's variables reach its programs, and they are found by them") func variables() async throws
    {
        let source = """
            #include <stdio.h>
            extern char **environ;
            int main(void) {
                for (char **each = environ; *each != NULL; each++)
                    puts(*each);
                return 0;
            }
            """
        let file = try scratch.write(Array(source.utf8), "variables.c")
        let program = file + ".program"
        try scratch.run("gcc", ["-static", "-O1", file, "-o", program])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: program)))
        let layer = TarBuilder.make { tar in
            tar.directory("usr/")
            tar.directory("usr/games/")
            tar.entry("usr/games/variables", type: "0", data: bytes, mode: 0o755)
        }
        var builder = ImageBuilder()
        builder.layout([
            try builder.image([layer], env: ["PATH=/usr/games", "GREETING=hallo=du", "HOME=/root", "=bad"])
        ])
        let image = Image.reference(try scratch.write(builder.archive, "image.tar"))
        let backend = LocalBackend(.init(minimum: 0))
        let modes = await backend.capabilities.rootfsModes
        for rootfs in [Rootfs.readOnly, .writable] where modes.contains(rootfs) {
            let result = try await backend.run(
                Command("variables", environment: ["OWN": "1"]),
                options: SandboxOptions(image: image, rootfs: rootfs))
            let lines = Set(result.stdoutText.split(separator: "\n"))
            #expect(
                lines.isSuperset(of: ["PATH=/usr/games", "GREETING=hallo=du", "HOME=/work", "OWN=1"]),
                "\(rootfs): \(result.outcome) \(lines)")
            #expect(!lines.contains { $0.hasPrefix("=") })
        }
        await backend.shutdown()
    }

    @Test("Links at the top are whole, however long, and lead nowhere else") func links() async throws {
        let long = String(repeating: "x/", count: 2_000) + "y"
        let image = try image { path in
            for (name, target) in [("long", long), ("image", "/etc"), ("tmp2", "../../etc")] {
                try FileManager.default.createSymbolicLink(
                    atPath: path + "/" + name, withDestinationPath: target)
            }
            try FileManager.default.createDirectory(
                atPath: path + "/etc", withIntermediateDirectories: true)
            try Data("the image's".utf8).write(to: URL(fileURLWithPath: path + "/etc/hostname"))
        }
        let names = ["/long", "/image", "/image/hostname", "/tmp2/hostname"]
        for (rootfs, seen) in try await show(names, of: image) {
            #expect(seen == [long, "/etc", "the image's", "the image's"], "\(rootfs)")
        }
    }
}
