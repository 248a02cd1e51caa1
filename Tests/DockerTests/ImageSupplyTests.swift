/// Sources of images: the engine, a registry, an archive; and the errors when an image cannot be had.

#if Docker
import Foundation
import NIOHTTP1
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(3))) struct ImageSupplyTests {
    private static let greeting = Command("/bin/greet", ["hello", "there"])

    private static func greet(
        _ subject: DockerSubject, _ image: String, rootfs: Rootfs = .readOnly
    ) async throws -> RunResult {
        try await subject.backend.run(
            greeting, options: SandboxOptions(image: .reference(image), rootfs: rootfs))
    }

    /// As an archive's variables do on the local backend.
    @Test func anImagesVariablesReachItsPrograms() async throws {
        try await DockerSubject.with { subject in
            let name = "sandbox-test/variables-\(UInt32.random(in: 0...UInt32.max))"
            var spec = ContainerSpec(image: "cpp-runner")
            spec.command = ["true"]
            let base = try await subject.client.containers.create(spec)
            do {
                var commit = EngineRequest(
                    method: .POST, path: "/commit", patience: .total(.seconds(60)))
                commit.query = [
                    ("container", base.id), ("repo", name), ("changes", "ENV GREETING=hallo=du HOME=/root"),
                ]
                _ = try await subject.client.send(commit)
                let result = try await subject.backend.run(
                    Command("env", environment: ["OWN": "1"]),
                    options: SandboxOptions(image: .reference(name)))
                let lines = Set(result.stdoutText.split(separator: "\n"))
                #expect(
                    lines.isSuperset(of: ["GREETING=hallo=du", "HOME=/work", "OWN=1", "USER=sandbox"]),
                    "\(result.outcome) \(lines)")
            } catch {
                Issue.record(error)
            }
            _ = try await subject.client.containers.remove(base.id)
            await subject.backend.shutdown()
            try await subject.client.images.remove(name)
        }
    }

    // MARK: Registries

    @Test func aMissingImageIsPulledWithProgress() async throws {
        guard let registry = EngineWorld.registry else {
            return skip("there is no registry; SANDBOX_TEST_REGISTRY names it")
        }
        let image = "\(registry)/sandbox-test/musl"
        let news = Mutex<[ImagePullProgress]>([])
        try await DockerSubject.configured {
            $0.pullPolicy = .missing
            $0.onPullProgress = { progress in news.withLock { $0.append(progress) } }
        }.with { subject in
            try await subject.client.images.remove(image)
            // Several first callers share one pull.
            let results = try await withThrowingTaskGroup(of: RunResult.self) { group in
                for _ in 0..<3 { group.addTask { try await Self.greet(subject, image) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.map(\.stdoutText) == ["hello there\n", "hello there\n", "hello there\n"])
            let id = try await subject.client.images.inspect(image)?.id
            #expect(id != nil && results.allSatisfy { $0.provenance.imageDigest == id })
            let said = news.withLock { $0 }
            #expect(
                !said.isEmpty && said.allSatisfy { $0.image == image && !$0.status.isEmpty }, "\(said)")
        }
    }

    @Test func whatTheRegistryDoesNotHaveIsNamed() async throws {
        guard let registry = EngineWorld.registry else {
            return skip("there is no registry; SANDBOX_TEST_REGISTRY names it")
        }
        try await DockerSubject.configured { $0.pullPolicy = .missing }.with { subject in
            let image = "\(registry)/sandbox-test/none:3"
            let error = await expectSandboxError(.imageUnavailable, image, "not found") {
                _ = try await Self.greet(subject, image)
            }
            #expect(error?.provenance?.image == image)
        }
    }

    @Test func aRegistryThatIsDownIsNamed() async throws {
        try await DockerSubject.configured { $0.pullPolicy = .missing }.with { subject in
            for image in ["127.0.0.1:1/sandbox-test/static:2", "127.0.0.1:1/sandbox-test/static"] {
                let error = await expectSandboxError(.imageUnavailable, image, "connection refused") {
                    _ = try await Self.greet(subject, image)
                }
                #expect(error?.hint?.contains("registry") == true)
            }
        }
    }

    @Test func nothingIsPulledThatShallNotBe() async throws {
        try await DockerSubject.with { subject in
            let image = "127.0.0.1:1/sandbox-test/static:2"
            await expectSandboxError(.imageUnavailable, image, "is not to pull") {
                _ = try await Self.greet(subject, image)
            }
            await expectSandboxError(.invalidArgument, "No Name") {
                _ = try await Self.greet(subject, "No Name")
            }
        }
    }

    // MARK: Images of every kind

    @Test(arguments: ["sandbox-test/static", "sandbox-test/musl"], Rootfs.allCases)
    func imagesWithoutAShell(_ image: String, _ rootfs: Rootfs) async throws {
        try await DockerSubject.configured { $0.pool.minimum = 1 }.with(image: image) { subject in
            let result = try await Self.greet(subject, image, rootfs: rootfs)
            #expect(result.outcome.isSuccess && result.stdoutText == "hello there\n")
            let echoed = try await subject.backend.run(
                Command("greet"), stdin: .string("typed"),
                options: SandboxOptions(image: .reference(image), rootfs: rootfs))
            #expect(echoed.stdoutText == "typed")
            await expectSandboxError(.executableNotFound) { _ = try await subject.shell("echo no shell") }
        }
    }

    // MARK: Behind our back

    /// The tag is removed, and with the last container the image; then the tag names another image.
    @Test func anImageThatGoesAndComesBackAsAnother() async throws {
        let name = "sandbox-test/moving-\(UUID().uuidString.lowercased().prefix(8))"
        try await DockerSubject.configured { $0.pool.minimum = 0 }.with(image: name) { subject in
            let (images, other) = (subject.client.images, try ImageName(parsing: name))
            try await Self.withFolder { folder in
                let archive = try await Self.rootfs("one", in: folder)
                try await images.importRootfs(file: archive, as: other)
            }
            let first = try await Self.greet(subject, name)
            let moving = try await images.inspect(name)
            #expect(first.provenance.imageDigest == moving?.id)
            // Another image under this name: each result has the digest of the one that ran.
            try await images.tag("sandbox-test/musl", as: other)
            let second = try await Self.greet(subject, name)
            let container = try await subject.client.containers.inspect(second.provenance.sandbox)
            #expect(second.provenance.imageDigest == container.image)

            let digest = try #require(first.provenance.imageDigest)
            for id in try await subject.containers() { try await subject.client.containers.remove(id) }
            try await images.remove(digest, force: true)
            try await images.remove(name)
            // Neither the image nor its name exists now.
            var error: SandboxError?
            for _ in 0..<50 where error == nil {
                do { _ = try await Self.greet(subject, name) } catch let caught as SandboxError {
                    error = caught
                }
            }
            #expect(
                error?.code == .imageUnavailable && error?.message.contains(name) == true,
                "\(String(describing: error))")
            // The image comes back.
            try await images.tag("sandbox-test/static", as: other)
            let last = try await Self.greet(subject, name)
            #expect(last.stdoutText == "hello there\n")
            let fixed = try await images.inspect("sandbox-test/static")
            #expect(last.provenance.imageDigest == fixed?.id)
            try await images.remove(name)
        }
    }

    // MARK: Archives

    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder =
            FileManager.default.temporaryDirectory.path + "/sandbox-is-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    /// An archive of a root file system: `greet`, of the static image, and a file that changes the digest.
    private static func rootfs(_ mark: String, in folder: String, called name: String = "root.tar")
        async throws -> String
    {
        let images = try #require(EngineWorld.images)
        let script = """
            set -e
            cd "$1"; rm -rf tree save "$2"; mkdir tree save
            tar -C save -xf "$3"
            for layer in $(find save -name '*.tar' -size +1k); do tar -C tree -xf "$layer"; done
            mkdir -p tree/etc tree/work; echo "$4" >tree/etc/mark
            tar -C tree -cf "$2" .
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, "sh", folder, name, images + "/static.docker.tar", mark]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return folder + "/" + name
    }

    /// The engine has an image `cpp-runner`; an archive file of that name is another image.
    @Test func anArchiveIsWhatItsBytesAre() async throws {
        try await Self.withFolder { folder in
            try await DockerSubject.with { subject in
                #expect(try await subject.client.images.inspect("cpp-runner") != nil)
                for missing in ["/nonexistent/cpp-runner.tar.gz", "\(folder)/cpp-runner.tar"] {
                    await expectSandboxError(.imageUnavailable, "there is no file", missing) {
                        _ = try await Self.greet(subject, missing)
                    }
                }
                let path = "\(folder)/cpp-runner.tar"
                try Data("this is no archive".utf8).write(to: URL(fileURLWithPath: path))
                await expectSandboxError(.imageUnavailable, path) {
                    _ = try await Self.greet(subject, path)
                }
                // The digest of another archive under that name is that archive's own.
                let other = try await Self.rootfs("disguise", in: folder, called: "cpp-runner.tar")
                let result = try await Self.greet(subject, other)
                #expect(result.stdoutText == "hello there\n" && result.provenance.image == other)
                let digest = try #require(result.provenance.imageDigest)
                #expect(digest != (try await subject.client.images.inspect("cpp-runner")?.id))
                await subject.backend.shutdown()
                try await subject.client.images.remove(digest, force: true)
            }
        }
    }

    @Test func anArchiveOfARootFileSystemIsImported() async throws {
        let name = "own-\(UUID().uuidString.lowercased().prefix(8))"
        try await Self.withFolder { folder in
            try await DockerSubject.with { subject in
                var digests: [String] = []
                for mark in ["one", "two"] {
                    let path = try await Self.rootfs(mark, in: folder, called: "\(name).tar")
                    let result = try await Self.greet(subject, path)
                    #expect(result.stdoutText == "hello there\n" && result.provenance.image == path)
                    digests.append(result.provenance.imageDigest ?? "none")
                    // The second time the image exists already.
                    let again = try await Self.greet(subject, path)
                    #expect(again.provenance.imageDigest == digests.last)
                }
                // A changed archive is another image.
                #expect(Set(digests).count == 2)
                await subject.backend.shutdown()
                for digest in digests { try await subject.client.images.remove(digest, force: true) }
            }
        }
    }

    @Test func anArchiveOfAnImageIsLoaded() async throws {
        guard let images = EngineWorld.images else { return skip("there is no SANDBOX_TEST_IMAGES") }
        try await Self.withFolder { folder in
            let path = "\(folder)/saved-\(UUID().uuidString.lowercased().prefix(8)).tar"
            try FileManager.default.copyItem(
                atPath: URL(fileURLWithPath: images + "/musl.docker.tar").resolvingSymlinksInPath().path,
                toPath: path)
            try await DockerSubject.with { subject in
                let result = try await Self.greet(subject, path)
                #expect(result.stdoutText == "hello there\n")
                let id = try await subject.client.images.inspect("sandbox-test/musl")?.id
                #expect(result.provenance.imageDigest == id)
            }
            let broken = folder + "/broken-image.tar"
            try Data("this is no archive".utf8).write(to: URL(fileURLWithPath: broken))
            try await DockerSubject.with { subject in
                await expectSandboxError(.imageUnavailable, broken) {
                    _ = try await Self.greet(subject, broken)
                }
            }
        }
    }
}
#endif
