/// Tests which images a command line means, and how they are shown.

#if CLI
import ArgumentParser
import Sandbox
import SandboxAPI
import Testing

@testable import SandboxCLI

@Suite struct ImageCommandTests {
    private static let now = Duration.seconds(1_000_000)

    private static func image(
        _ digits: String, _ source: String?, age: Int = 10, isInUse: Bool = false, isComplete: Bool = true
    ) -> CachedImage {
        CachedImage(
            digest: "sha256:" + digits + String(repeating: "0", count: 64 - digits.count), source: source,
            bytes: 1_288_490_189, names: 3, lastUsed: now - .seconds(age), isInUse: isInUse,
            isComplete: isComplete)
    }

    private let images = [
        image("abcdef", "a.tar"), image("abcd12", "b.tar", age: 90_000, isInUse: true),
        image("ffff", "a.tar", age: 200_000), image("5555", nil, age: 300_000, isComplete: false),
    ]

    private func choose(_ names: String...) throws -> [CachedImage] {
        try ImageSelection.named(names).choose(from: images, now: Self.now)
    }

    private func complaint(_ names: String...) -> SandboxError? {
        #expect(throws: SandboxError.self) {
            try ImageSelection.named(names).choose(from: images, now: Self.now)
        }
    }

    @Test func byName() throws {
        #expect(try choose("a.tar") == [images[0], images[2]])
        #expect(try choose("b.tar", images[1].digest, "abcd12") == [images[1]])
        #expect(try choose("sha256:abcde") == [images[0]])
        #expect(try choose("FFFF") == [images[2]])
        // A source that looks like digits comes first.
        let odd = images + [Self.image("9999", "ffff")]
        #expect(try ImageSelection.named(["ffff"]).choose(from: odd, now: Self.now) == [odd[4]])
    }

    @Test func unknownAndAmbiguous() throws {
        for name in ["c.tar", "fff", "", "sha256:", "abcd9"] {
            #expect(complaint(name)?.code == .imageUnavailable, "\(name)")
        }
        let ambiguous = complaint("abcd")
        #expect(ambiguous?.code == .invalidArgument && ambiguous?.message.contains("2 digests") == true)
        #expect(ambiguous?.hint?.contains(images[0].digest) == true)
        #expect(complaint("\u{1B}[31m")?.message.contains("\u{1B}") == false)
        // One wrong name among right ones: nothing is chosen.
        #expect(complaint("a.tar", "nothing")?.code == .imageUnavailable)
    }

    @Test func byAge() throws {
        func older(_ text: String) throws -> [CachedImage] {
            try ImageSelection.olderThan(try Age.parse(text)).choose(from: images, now: Self.now)
        }
        #expect(try ImageSelection.all.choose(from: images, now: Self.now) == images)
        #expect(try older("1d") == Array(images[1...]))
        #expect(try older("50h") == Array(images[2...]))
        #expect(try older("4000m") == Array(images[3...]))
        #expect(try older("300000s").isEmpty)
    }

    @Test(arguments: ["", "1", "h", "-1h", "1.5h", "1w", "1 h", "99999999999999999999d", "36501d"])
    func badAge(_ text: String) { #expect(throws: BadValue.self) { try Age.parse(text) } }

    @Test func commandLine() throws {
        func parse(_ arguments: String...) throws -> ImageRemoveCommand {
            try #require(
                try SandboxTool.parseAsRoot(["image", "remove"] + arguments) as? ImageRemoveCommand)
        }
        #expect(try parse("a", "b").image == ["a", "b"])
        #expect(try parse("--all").all)
        #expect(try parse("--older-than", "2h").olderThan == .seconds(7200))
        for wrong in [[], ["a", "--all"], ["--all", "--older-than", "1d"], ["a", "--older-than", "1d"]] {
            #expect(throws: (any Error).self) {
                try SandboxTool.parseAsRoot(["image", "remove"] + wrong)
            }
        }
        #expect(try SandboxTool.parseAsRoot(["image", "rm", "a"]) is ImageRemoveCommand)
        #expect(try SandboxTool.parseAsRoot(["image", "ls"]) is ImageListCommand)
    }

    @Test func table() {
        #expect(ImageTable.render([], now: Self.now) == "no archive is unpacked\n")
        #expect(
            ImageTable.render(images, now: Self.now) == """
                digest        size     last used  state     archive
                abcdef000000  1.2 GiB  10 s ago   unused    a.tar
                abcd12000000  1.2 GiB  25 h ago   in use    b.tar
                ffff00000000  1.2 GiB  2 d ago    unused    a.tar
                555500000000  1.2 GiB  3 d ago    unusable  -

                """)
        let hostile = ImageTable.render([Self.image("1111", "\u{1B}]0;x\u{7}\r\nü\u{202E}")], now: Self.now)
        #expect(hostile.hasSuffix(#"unused  \u{1B}]0;x\u{7}\u{D}\u{A}ü\u{202E}"# + "\n"))
    }

    @Test func sizes() {
        let sizes = [0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 344_003_997: "328 MiB"]
        for (bytes, text) in sizes { #expect(ByteSize.brief(bytes) == text) }
    }

    @Test func ages() {
        let ages = [-5: "0 s ago", 119: "119 s ago", 120: "2 min ago", 7200: "2 h ago", 172_800: "2 d ago"]
        for (seconds, text) in ages { #expect(Age.describe(.seconds(seconds)) == text) }
    }
}
#endif
