import SandboxAPI
import Testing

@testable import SandboxRuntime

/// What is decided about a file that a slot has put in its place in advance.
@Suite struct KeptFilesTests {
    private static func file(_ path: ByteString, executable: Bool = true) throws -> KeptFile {
        let content = try #require(InputFile(path, [1]).reused().content)
        return KeptFile(content: content, path: path, executable: executable, bytes: 1000)
    }

    /// The slot has placed this file, and has it in its place for the next sandbox.
    private static func expecting(_ file: KeptFile) -> KeptFiles {
        var files = KeptFiles()
        files.note(file.content)
        files.placed(file)
        files.prepared(file.content.number)
        return files
    }

    @Test func theSameFileIsTakenOnce() throws {
        let file = try Self.file("main")
        var files = Self.expecting(file)
        #expect(files.keeps(file.content) && !files.isTaken)
        let first = files.take(file, disk: 4096)
        #expect(first && files.isTaken)
        for number in [nil, 0 as UInt64] {
            if let number { files.prepared(number) }
            let (withdraws, again) = (files.mustWithdraw(disk: 1 << 20), files.take(file, disk: 4096))
            #expect(!withdraws && !again)
            #expect(files.isTaken == (number == nil))
        }
    }

    @Test func anotherFileIsNotTaken() throws {
        let file = try Self.file("main")
        let others = [
            try Self.file("main"),
            KeptFile(content: file.content, path: "other", executable: true, bytes: 1000),
            KeptFile(content: file.content, path: "main", executable: false, bytes: 1000),
        ]
        for other in others {
            var files = Self.expecting(file)
            let isTaken = files.take(other, disk: 4096)
            let withdraws = [files.mustWithdraw(disk: 1 << 20), files.isUnclaimed]
            // It is gone, or will be before anything else is done.
            let isTakenLater = files.take(file, disk: 4096)
            #expect(!isTaken && withdraws == [true, true] && !isTakenLater)
            files.withdrawn()
            let isAsked = files.mustWithdraw(disk: 1 << 20)
            #expect(!isAsked && !files.isUnclaimed)
        }
        var files = Self.expecting(file)
        let fits = files.take(file, disk: 4095)
        #expect(!fits && files.isUnclaimed)
    }

    @Test func onlyNewFilesBesideItLeaveIt() throws {
        let file = try Self.file("main")
        for (path, leaves): (ByteString, Bool) in [
            ("input", true), ("mainly", true), ("d/main", true), ("main", false), ("main/below", false),
        ] {
            var files = Self.expecting(file)
            let withdraws = files.mustWithdraw(before: (path, 4097), disk: 1 << 20)
            // What is written beside it takes its room.
            let isTaken = [files.take(file, disk: 12287), files.take(file, disk: 12288)]
            #expect(withdraws == !leaves && isTaken == [false, leaves], "\(path)")
        }
    }

    /// It may be a copy, which takes from the disk limit of a sandbox that has nothing to do with it.
    @Test func itLeavesANewFileAllOfTheDisk() throws {
        let file = try Self.file("main")
        for (disk, leaves) in [(12287, false), (12288, true)] {
            var files = Self.expecting(file)
            let withdraws = files.mustWithdraw(before: ("input", 4097), disk: disk)
            #expect(withdraws == !leaves)
        }
    }

    /// A number that this process did not ask for last belongs to no run, and goes.
    @Test func anUnknownOneIsWithdrawn() throws {
        let file = try Self.file("main")
        var files = Self.expecting(try Self.file("main"))
        files.prepared(file.content.number)
        let isTaken = files.take(file, disk: 4096)
        let withdraws = files.mustWithdraw(before: ("input", 1), disk: 1 << 20)
        #expect(!isTaken && withdraws)
    }

    @Test func whatIsKeptIsForgottenWithMany() throws {
        let first = try Self.file("main")
        var files = Self.expecting(first)
        for _ in 0..<64 { files.note(try Self.file("main").content) }
        #expect(!files.keeps(first.content))
    }
}
