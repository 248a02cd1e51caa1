/// Checks whether an idle container can still run its image's programs.

#if Docker
import SandboxAPI
import SandboxRuntime

/// Commands that succeed one after the other in a sound container, and the expected output of the last one.
public struct HealthProbe: Sendable, Hashable {
    public var commands: [Command]
    /// The whole expected stdout of the last command.
    public var expected: String

    public init(_ commands: [Command], expected: String) {
        self.commands = commands
        self.expected = expected
    }

    /// Probes of the runners' interpreter and compiler.
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

    /// Runs the probes whose programs are in the image.
    ///
    /// - Returns: a description of the failure, or nil.
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
                    // The probe's program is missing: the image has another purpose.
                    if number == 0, error.code == .executableNotFound { break }
                    return "\(error)"
                }
            }
        }
        return nil
    }
}

extension DockerPlace {
    /// Runs one command in the container without acquiring a sandbox.
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
