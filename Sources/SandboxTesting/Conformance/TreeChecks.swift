/// Checks of directories, links, and files in parts.

import SandboxAPI

enum TreeChecks {
    static let all = [
        listing, links, removal, parts, streams, brokenStreams, trees, hostileArchives, bounds,
    ]

    static let listing = ConformanceCheck("A directory's entries say what they are") { it in
        try await it.withSandbox { sandbox in
            it.check(try await sandbox.list(".", maxEntries: 0).isEmpty, "a fresh /work is not empty")
            try await sandbox.write("12345", to: "d/file")
            try await sandbox.write("#!", to: "d/script", executable: true)
            try await sandbox.makeDirectory("d/sub/deep")
            try await sandbox.makeDirectory("d/sub")
            try await sandbox.makeSymbolicLink("d/link", to: "/no/where")
            let made = try await sandbox.run(
                it.shell("printf 1234567 > \"$1\"", [oddName]), limits: ConformanceContext.patient)
            it.expect(made, exited: 0)
            let entries = try await sandbox.list("d", maxEntries: 4)
            it.check(
                entries.map(\.name) == ["file", "link", "script", "sub"], "found \(entries.map(\.name))")
            it.check(
                entries.map(\.info.kind) == [.regular, .symbolicLink, .regular, .directory],
                "found \(entries.map(\.info.kind))")
            guard entries.count == 4 else { return }
            it.check(entries[0].info.bytes == 5 && !entries[0].info.executable, "\(entries[0])")
            it.check(entries[1].info.target == "/no/where", "\(entries[1])")
            it.check(entries[2].info.executable, "\(entries[2])")
            for entry in entries {
                let info = try await sandbox.info(of: "d/" + entry.name)
                it.check(info == entry.info, "\(info) alone, and \(entry.info) in the directory")
            }
            let work = try await sandbox.list("/work", maxEntries: 99).map(\.name)
            it.check(work == [oddName, "d"].sorted(), "of /work: \(work)")
            it.check(try await sandbox.info(of: ".").kind == .directory, "/work is no directory")
            it.check(try await sandbox.info(of: oddName).bytes == 7, "the size of a name with a newline")
            it.check(
                try await sandbox.read(oddName, from: 2, maxBytes: 3).bytes == Array("345".utf8),
                "a part of a name with a newline")
        }
    }

    /// A name with a newline and invalid UTF-8, which a program may give its files.
    private static let oddName = ByteString([0x6f, 0x0a, 0xff, 0x20])

    static let links = ConformanceCheck("No link leads out of a sandbox's directories") { it in
        try await it.withSandbox { sandbox in
            let line =
                "\(it.tools.ln) -s / out && mkdir real && printf x > real/file && \(it.tools.ln) -s real in"
            it.expect(try await sandbox.run(it.shell(line), limits: ConformanceContext.patient), exited: 0)
            for link: ByteString in ["out", "in"] {
                it.check(try await sandbox.info(of: link).kind == .symbolicLink, "\(link) is followed")
                await it.expectError(.notRegularFile, .notDirectory) {
                    try await sandbox.list(link, maxEntries: 999)
                }
                await it.expectError(.notRegularFile, .notDirectory) {
                    try await sandbox.makeDirectory(link + "/made")
                }
                await it.expectError(.notRegularFile, .notDirectory) {
                    try await sandbox.makeSymbolicLink(link + "/made", to: "x")
                }
            }
            await it.expectError(.notRegularFile) { try await sandbox.remove("in/file") }
            await it.expectError(.notRegularFile) { try await sandbox.read("in/file", from: 0, maxBytes: 9) }
            await it.expectError(.notRegularFile) { try await sandbox.info(of: "out/etc") }
            try await sandbox.remove("in")
            try await sandbox.remove("out")
            it.check(try await sandbox.list(".", maxEntries: 9).map(\.name) == ["real"], "what a link led to")
            it.check(try await sandbox.read("real/file", maxBytes: 9) == [0x78], "a file beyond a link")
            try await sandbox.makeSymbolicLink("real/file", to: "y")
            it.check(try await sandbox.info(of: "real/file").target == "y", "a link in place of a file")
        }
    }

    static let removal = ConformanceCheck("What is removed is gone, whatever it held") { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write("x", to: "file")
            try await sandbox.write("x", to: "tree/a/b/c")
            try await sandbox.makeSymbolicLink("tree/a/link", to: "../../kept")
            try await sandbox.write("x", to: "kept")
            let line = "i=0; while test $i -lt 300; do : > tree/$i; i=$((i + 1)); done"
            it.expect(try await sandbox.run(it.shell(line), limits: ConformanceContext.patient), exited: 0)
            try await sandbox.remove("file")
            try await sandbox.remove("/work/tree")
            it.check(try await sandbox.list(".", maxEntries: 9).map(\.name) == ["kept"], "not all is gone")
            await it.expectError(.fileNotFound) { try await sandbox.remove("tree") }
            await it.expectError(.fileNotFound) { try await sandbox.remove("kept/below") }
            for path: ByteString in [".", "/work", "..", "", "a/..", "/etc"] {
                await it.expectError(.invalidPath) { try await sandbox.remove(path) }
            }
        }
    }

    static let parts = ConformanceCheck("A file is read and written in parts") { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write("0123456789", to: "file")
            let part = try await sandbox.read("file", from: 3, maxBytes: 4)
            it.check(part.bytes == Array("3456".utf8) && part.size == 10, "\(part)")
            let end = try await sandbox.read("file", from: 8, maxBytes: 4)
            it.check(end.bytes == Array("89".utf8) && end.identity == part.identity, "\(end)")
            it.check(try await sandbox.read("file", from: 99, maxBytes: 4).bytes.isEmpty, "behind the end")
            try await sandbox.write(Array("AB".utf8), to: "file", at: 9)
            it.check(
                try await sandbox.read("file", maxBytes: 99) == Array("012345678AB".utf8), "over the end")
            await it.expectError(.fileChanged) { try await sandbox.write([1], to: "file", at: 12) }
            await it.expectError(.fileNotFound) { try await sandbox.write([1], to: "missing", at: 1) }
            await it.expectError(.invalidArgument) { try await sandbox.write([1], to: "file", at: 0) }
            await it.expectError(.invalidArgument) { try await sandbox.read("file", from: -1, maxBytes: 1) }
            await it.expectError(.invalidArgument) { try await sandbox.read("file", from: 0, maxBytes: -1) }
            await it.expectError(.invalidPath) { try await sandbox.read(".", from: 0, maxBytes: 1) }
            try await sandbox.makeDirectory("directory")
            await it.expectError(.notRegularFile) {
                try await sandbox.read("directory", from: 0, maxBytes: 1)
            }
            await it.expectError(.notRegularFile) { try await sandbox.write([1], to: "directory", at: 1) }
        }
    }

    static let streams = ConformanceCheck("A file streams in and out") { it in
        try await it.withSandbox { sandbox in
            for (name, count) in [("none", 0), ("one", 1), ("large", 1_300_001)] {
                let bytes = ConformanceContext.pattern(count)
                let pieces = AsyncStream { continuation in
                    for start in stride(from: 0, to: count, by: 70_001) {
                        continuation.yield(bytes[start..<min(start + 70_001, count)])
                    }
                    continuation.finish()
                }
                let path = ByteString(name)
                try await sandbox.write(pieces, to: path, executable: name == "one")
                let file = try await sandbox.readFile(path, maxBytes: 2 << 20)
                it.expectEqual(file.bytes, bytes, "\(name), in")
                it.check(file.executable == (name == "one"), "\(name): executable is \(file.executable)")
                var found: [UInt8] = []
                for try await chunk in sandbox.chunks(of: path, maxBytes: count) { found += chunk }
                it.expectEqual(found, bytes, "\(name), out")
                guard count > 0 else { continue }
                await it.expectError(.fileTooLarge) {
                    for try await _ in sandbox.chunks(of: path, maxBytes: count - 1) {}
                }
            }
        }
    }

    static let brokenStreams = ConformanceCheck("A file whose sequence breaks off is not there") { it in
        struct Broken: Error {}
        try await it.withSandbox { sandbox in
            let pieces = AsyncThrowingStream { continuation in
                for _ in 0..<8 { continuation.yield(ConformanceContext.pattern(100_000)) }
                continuation.finish(throwing: Broken())
            }
            do {
                try await sandbox.write(pieces, to: "half")
                it.fail("a sequence's error is lost")
            } catch is Broken {}
            await it.expectError(.fileNotFound) { try await sandbox.info(of: "half") }
        }
    }

    static let trees = ConformanceCheck("A tree comes out as it went in") { it in
        try await it.withSandbox { sandbox in
            let names: [ByteString] = ["a", "d/b", "d/e/f", ByteString(repeating: "n", count: 200)]
            for (index, name) in names.enumerated() {
                try await sandbox.write(
                    ConformanceContext.pattern(index * 150_000), to: "tree/" + name, executable: index == 1)
            }
            try await sandbox.makeDirectory("tree/empty")
            try await sandbox.makeSymbolicLink("tree/link", to: "a")
            var archive: [UInt8] = []
            for try await piece in sandbox.readTree("tree") { archive += piece }
            try await sandbox.writeTree(archive, to: "copy/of")
            var again: [UInt8] = []
            for try await piece in sandbox.readTree("copy/of") { again += piece }
            it.check(archive.count == again.count && archive.count % 512 == 0, "two sizes")
            for name in names {
                let (old, new) = (
                    try await sandbox.readFile("tree/" + name, maxBytes: 1 << 20),
                    try await sandbox.readFile("copy/of/" + name, maxBytes: 1 << 20)
                )
                it.check(old == new, "\(name) is another file")
            }
            let top = try await sandbox.list("copy/of", maxEntries: 99)
            it.check(
                top.map(\.name) == ["a", "d", "empty", "link", names[3]].sorted(), "\(top.map(\.name))")
            it.check(try await sandbox.info(of: "copy/of/link").target == "a", "the link")
        }
    }

    static let hostileArchives = ConformanceCheck("An archive cannot write outside of its directory") { it in
        try await it.withSandbox { sandbox in
            func archive(_ entries: TarEntry...) -> [UInt8] {
                entries.flatMap { TarWriter.header($0) } + TarWriter.end
            }
            func file(_ path: String) -> TarEntry { TarEntry(path: Array(path.utf8), kind: .file) }
            let through = TarEntry(
                path: Array("d".utf8), kind: .symbolicLink, linkTarget: Array("/tmp".utf8))
            let device = TarEntry(path: Array("zero".utf8), kind: .characterDevice)
            for bytes in [
                archive(file("../out")), archive(file("/tmp/out")), archive(file("a/../../out")),
                archive(device), Array("no archive".utf8), Array(archive(file("cut")).prefix(700)), [],
            ] {
                await it.expectError(.invalidArchive) { try await sandbox.writeTree(bytes, to: "into") }
            }
            await it.expectError(.notRegularFile) {
                try await sandbox.writeTree(archive(through, file("d/out")), to: "into")
            }
            await it.expectError(.tooManyFiles) {
                try await sandbox.writeTree(
                    archive(file("1"), file("2")), to: "into", limits: TreeLimits(entries: 1))
            }
            it.check(
                try await sandbox.list(".", maxEntries: 9).map(\.name) == ["into"], "something got out")
        }
    }

    static let bounds = ConformanceCheck("Listings and trees are bounded") { it in
        try await it.withSandbox { sandbox in
            let line = "i=0; while test $i -lt 40; do printf 0123456789 > \"$i\"; i=$((i + 1)); done"
            it.expect(try await sandbox.run(it.shell(line), limits: ConformanceContext.patient), exited: 0)
            it.check(try await sandbox.list(".", maxEntries: 40).count == 40, "all entries")
            await it.expectError(.tooManyFiles) { try await sandbox.list(".", maxEntries: 39) }
            await it.expectError(.invalidArgument) { try await sandbox.list(".", maxEntries: -1) }
            await it.expectError(.tooManyFiles) {
                for try await _ in sandbox.readTree(limits: TreeLimits(entries: 39)) {}
            }
            await it.expectError(.fileTooLarge) {
                for try await _ in sandbox.readTree(limits: TreeLimits(bytes: 399)) {}
            }
            for try await _ in sandbox.readTree(limits: TreeLimits(entries: 40, bytes: 400)) {}
            await it.expectError(.notDirectory) { try await sandbox.list("1", maxEntries: 9) }
            await it.expectError(.notDirectory) { try await sandbox.makeDirectory("1") }
            await it.expectError(.fileNotFound) { try await sandbox.list("missing", maxEntries: 9) }
            await it.expectError(.fileNotFound) { try await sandbox.info(of: "missing") }
            await it.expectError(.invalidPath) { try await sandbox.list("..", maxEntries: 9) }
            await it.expectError(.invalidPath) { try await sandbox.info(of: "/etc") }
            await it.expectError(.invalidPath) { try await sandbox.makeSymbolicLink("link", to: "") }
            await it.expectError(.invalidPath) { try await sandbox.makeDirectory(".") }
        }
    }
}

extension ByteString {
    fileprivate init(repeating text: StaticString, count: Int) {
        self.init(String(repeating: "\(text)", count: count))
    }
}
