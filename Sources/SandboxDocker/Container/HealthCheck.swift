/// Whether an idle container still does what its image is for.

#if Docker
import SandboxAPI
import SandboxRuntime

/// Programs that an image runs when it is well, one after the other, and what the last one then writes.
public struct HealthProbe: Sendable, Hashable {
    public var commands: [Command]
    /// The whole stdout of the last command.
    public var expected: String

    public init(_ commands: [Command], expected: String) {
        self.commands = commands
        self.expected = expected
    }

    /// The interpreter and the compiler of the runners.
    public static let standard = [
        HealthProbe([Command("python3", ["-c", "print(6 * 7)"])], expected: "42\n"),
        HealthProbe(
            [
                Command(
                    "g++", ["-o", "health", "health.cpp"],
                    inputFiles: [
                        InputFile(
                            "health.cpp", Array("#include <cstdio>\nint main() { puts(\"42\"); }\n".utf8))
                    ]),
                Command("./health"),
            ], expected: "42\n"),
    ]
}

enum HealthCheck {
    private static let limits = Limits(wallTime: .seconds(10), cpuTime: .seconds(10))

    /// Runs those probes whose programs are in the image.
    ///
    /// - Returns: what is wrong, or nil.
    static func run(
        in container: Container, _ environment: [ByteString: ByteString], _ probes: [HealthProbe]
    ) async -> String? {
        let place = DockerPlace(container: container, environment: environment)
        for probe in probes {
            for (number, command) in probe.commands.enumerated() {
                do throws(SandboxError) {
                    let result = try await place.run(command, limits: limits)
                    let isLast = number == probe.commands.count - 1
                    let said = String(decoding: result.stdout, as: UTF8.self)
                    guard result.outcome.isSuccess, !isLast || said == probe.expected else {
                        return "\(command.executable): \(result.outcome), \(Validation.quoted(said))"
                    }
                } catch {
                    // The image is for something else.
                    if number == 0, error.code == .executableNotFound { break }
                    return "\(error)"
                }
            }
        }
        return nil
    }
}

extension DockerPlace {
    /// One run without a sandbox around it.
    fileprivate func run(_ command: Command, limits: Limits) async throws(SandboxError) -> RunResult {
        let provenance = Provenance(
            kind: .docker, requested: BackendKind.docker.rawValue, instance: "", sandbox: container.id,
            image: container.key.image, hostPID: 0)
        let sandbox = PlacedSandbox(self, isolation: container.isolation, provenance: provenance)
        do throws(SandboxError) {
            let result = try await sandbox.run(command, stdin: .none, limits: limits)
            await sandbox.close()
            return result
        } catch {
            await sandbox.close()
            throw error
        }
    }
}
#endif
