import Foundation
import Sandbox
import SandboxDocker
import SandboxFallback

// DOCKER_HOST, SANDBOX_IMAGE, POOL_MIN_SIZE and their like have a say.
let configuration = try DockerConfiguration(environment: ProcessInfo.processInfo.environment)
let docker = try DockerBackend(configuration: configuration)
let either = try FallbackBackend(primary: docker, secondary: LocalBackend())

let answer = try await either.run(Command("echo", ["who am I?"]))
print(answer.stdoutText, answer.provenance.kind, answer.provenance.image)
if let reason = answer.provenance.fallbackReason { print("not Docker:", reason) }
await either.shutdown()
