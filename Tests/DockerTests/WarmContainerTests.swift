/// Warm interpreters in containers.

#if Docker
import Foundation
import Runners
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct WarmContainerTests {
    @Test(
        "A warm interpreter with numpy and matplotlib, in both modes of the root", arguments: Rootfs.allCases)
    func warm(rootfs: Rootfs) async throws {
        try await DockerSubject.with(image: "python-runner") { subject in
            let request = RunRequest(
                limits: Limits(wallTime: .seconds(30), cpuTime: .seconds(30)), outputFiles: ["plot.png"],
                options: SandboxOptions(rootfs: rootfs))
            let python = try await PythonRunner().warm(
                importing: ["numpy", "matplotlib.pyplot"], for: request, on: subject.backend)
            #expect(python.coldReason == nil)
            let source = """
                import numpy, sys, matplotlib.pyplot as plot
                # Threads of the linear algebra library have to start anew.
                a = numpy.random.rand(200, 200)
                print(numpy.allclose(a @ numpy.linalg.inv(a), numpy.eye(200)), hasattr(numpy, "stain"))
                print(numpy.random.rand(), numpy.random.default_rng().random())
                numpy.stain = 1
                plot.plot([1, 4, 9])
                plot.savefig("plot.png")
                """
            var drawn: Set<String> = []
            for _ in 0..<4 {
                let report = try await python.run(source, request, on: subject.backend)
                let result = try #require(report.result)
                #expect(report.start == .warm)
                #expect(result.outcome == .exited(code: 0), "\(result.stderrText)")
                #expect(result.stderrText == "")
                let lines = result.stdoutText.split(separator: "\n").map(String.init)
                #expect(lines.first == "True False")
                drawn.insert(lines.last ?? "")
                let plot = try #require(report.files["plot.png"]?.bytes)
                #expect(plot.starts(with: [0x89] + Array("PNG".utf8)) && plot.count > 5_000)
            }
            #expect(drawn.count == 4)
        }
    }
}
#endif
