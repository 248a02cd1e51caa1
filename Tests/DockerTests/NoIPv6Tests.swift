/// An engine whose kernel has no IPv6: containers with a loopback come to be without it.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct NoIPv6Tests {
    /// A runtime whose kernel has no such setting: runc is given a name below `/proc/sys/net/ipv6` that no kernel has, and
    /// fails in its own words. Each container that wanted it is a line of a file beside the runtime.
    private static let runtime = """
        #!/bin/bash
        for ((i = 1; i < $#; i++)); do
            [[ ${!i} == --bundle ]] || continue
            next=$((i + 1))
            grep -q 'net\\.ipv6\\.' "${!next}/config.json" || continue
            echo wanted >>"$0.wanted"
            sed -i 's/net\\.ipv6\\.conf\\.all\\./net.ipv6.conf.missing./' "${!next}/config.json"
        done
        exec runc "$@"

        """

    private static func withRuntime(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/sandbox-runtime-\(UUID().uuidString)"
        try runtime.write(toFile: path, atomically: false, encoding: .utf8)
        defer { for path in [path, path + ".wanted"] { try? FileManager.default.removeItem(atPath: path) } }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        try await body(path)
    }

    @Test func aLoopbackComesWithoutIt() async throws {
        guard EngineWorld.engineScript != nil, EngineWorld.images != nil else {
            return skip("there is no engine; scripts/engines/docker-tests.sh -- COMMAND starts one")
        }
        try await Self.withRuntime { path in
            try await EngineControl.withEngine(named: "noip6", options: ["--runtime=\(path)"]) { engine in
                try await engine.load("static")
                try await Self.expectWorks(engine) {
                    let text = (try? String(contentsOfFile: path + ".wanted", encoding: .utf8)) ?? ""
                    return text.split(separator: "\n").count
                }
            }
        }
    }

    /// - Parameter wanted: how many containers wanted IPv6 so far.
    private static func expectWorks(_ engine: EngineControl, _ wanted: () -> Int) async throws {
        var configuration = ContainerWorld.configuration(engine.host)
        configuration.pool.minimum = 0
        let backend = try DockerBackend(configuration: configuration)
        // Without a network no container wants it.
        try await backend.withSandbox { sandbox in
            let result = try await sandbox.run(victim: "show", ["/proc/self/status"])
            #expect(result.outcome == .exited(code: 0), "\(result.told)")
        }
        #expect(wanted() == 0)
        // The first container with a loopback is made a second time, without IPv6; others, of another pool too, are not even
        // tried with it.
        for rootfs in [Rootfs.readOnly, .readOnly, .writable] {
            try await backend.withSandbox(SandboxOptions(rootfs: rootfs, network: .loopback)) { sandbox in
                let result = try await sandbox.run(
                    victim: "show", ["/proc/sys/net/ipv4/tcp_max_tw_buckets", "/proc/net/dev"])
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                #expect(result.stdoutText.hasPrefix("0\n"), "\(result.told)")
                #expect(result.lines.contains { $0.contains("lo:") }, "\(result.told)")
            }
            #expect(wanted() == 1)
        }
        try await CrashTests.expectNothingLeft(backend)
    }
}
#endif
