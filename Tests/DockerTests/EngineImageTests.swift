/// Images and volumes of a real engine.

#if Docker
import Foundation
import NIOCore
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct EngineImageTests {
    @Test(arguments: EngineKind.allCases) func describesAnImage(_ kind: EngineKind) async throws {
        try await EngineSubject.with(kind) { subject in
            let image = try #require(try await subject.client.images.inspect(subject.image))
            #expect(image.id.hasPrefix("sha256:") && image.id.utf8.count == 71)
            #expect(image.architecture == subject.info.architecture && image.os == "linux")
            #expect(try await subject.client.images.inspect(image.id)?.id == image.id)
            #expect(try await subject.client.images.inspect("nonexistent/\(subject.name):1") == nil)
            try await subject.client.images.remove("nonexistent/\(subject.name):1")
        }
    }

    @Test(arguments: EngineKind.allCases) func namesAMissingImage(_ kind: EngineKind) async throws {
        try await EngineSubject.with(kind) { subject in
            let image = "nonexistent/\(subject.name):1"
            await expectError(.refused(status: 404), "POST /containers/create", image) {
                _ = try await subject.client.containers.create(ContainerSpec(image: image))
            }
        }
    }

    /// No registry answers at this address, so the pull fails on both engines: on one before, on the other
    /// within its answer.
    @Test(arguments: EngineKind.allCases) func namesWhatItCannotPull(_ kind: EngineKind) async throws {
        try await EngineSubject.with(kind) { subject in
            for image in ["127.0.0.1:1/a/b:c", "127.0.0.1:1/a@sha256:\(EngineImageNameTests.hex)"] {
                do {
                    try await subject.client.images.pull(ImageName(parsing: image))
                    Issue.record("no error")
                } catch let error as EngineError {
                    #expect(error.message.hasPrefix("\(image): "), "\(error)")
                    #expect(error.message.contains("connection refused"), "\(error)")
                    #expect(error.status == (kind == .docker ? 500 : 200))
                }
            }
        }
    }

    @Test(arguments: EngineKind.allCases) func refusesAnArchiveThatIsNone(_ kind: EngineKind) async throws {
        try await EngineSubject.with(kind) { subject in
            do {
                let names = try await subject.client.images.load(tar: Array("this is no archive".utf8))
                Issue.record("no error but \(names)")
            } catch let error as EngineError {
                #expect(error.status != nil && error.operation == "POST /images/load", "\(error)")
            }
            await expectError(.malformedAnswer, "/nonexistent.tar", "No such file") {
                try await subject.client.images.load(file: "/nonexistent.tar")
            }
            await expectError(.malformedAnswer, "/tmp") {
                try await subject.client.images.load(file: "/tmp")
            }
        }
    }

    /// A volume is filled by way of one container, and mounted read-only in another.
    @Test(arguments: EngineKind.allCases) func fillsAVolume(_ kind: EngineKind) async throws {
        try await EngineSubject.with(kind) { subject in
            let (client, labels) = (subject.client, [EngineSubject.label: subject.name])
            let volume = try await client.volumes.create(subject.name, labels: labels)
            #expect(volume.name == subject.name && volume.labels == labels)
            #expect(try await client.volumes.list(labels: labels).map(\.name) == [subject.name])
            #expect(try await client.volumes.list(labels: [EngineSubject.label: "no"]).isEmpty)

            var writable = subject.spec("true")
            writable.mounts = [.init(source: subject.name, target: "/mnt", isReadOnly: false)]
            let helper = try await client.containers.create(writable).id
            try await client.containers.putArchive(
                helper, path: "/mnt", tar: Self.tar("file", "content\n"))
            await expectError(.refused(status: 409), "use") {
                try await client.volumes.remove(subject.name, force: false)
            }
            try await client.containers.remove(helper)

            var spec = subject.spec("cat /mnt/file; echo x 2>/dev/null >/mnt/y || echo refused; ls /mnt")
            spec.mounts = [.init(source: subject.name, target: "/mnt")]
            let id = try await client.containers.create(spec).id
            let recorder = StreamRecorder()
            _ = try await client.containers.attach(id, handler: recorder)
            try await client.containers.start(id)
            try await recorder.untilEnded()
            #expect(recorder.output == "content\nrefused\nfile\n")
            try await client.containers.remove(id)
            try await client.volumes.remove(subject.name)
            try await client.volumes.remove(subject.name)
            #expect(try await client.volumes.list(labels: labels).isEmpty)
        }
    }

    /// An archive of one regular file.
    static func tar(_ name: String, _ content: String) -> [UInt8] {
        func field(_ text: String, _ size: Int) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0, count: size - text.utf8.count)
        }
        var header = field(name, 100) + field("0000644", 8) + field("0000000", 8) + field("0000000", 8)
        header += field("0000000" + String(content.utf8.count, radix: 8).leftPadded(4), 12)
        header += field("00000000000", 12) + field("        ", 8) + [UInt8(ascii: "0")]
        header += field("", 100) + Array("ustar".utf8) + [0] + Array("00".utf8)
        header += [UInt8](repeating: 0, count: 512 - header.count)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<156, with: Array((String(sum, radix: 8).leftPadded(6) + "\0 ").utf8))
        return header + field(content, 512) + [UInt8](repeating: 0, count: 1024)
    }
}

extension String {
    fileprivate func leftPadded(_ count: Int) -> String {
        String(repeating: "0", count: max(0, count - utf8.count)) + self
    }
}
#endif
