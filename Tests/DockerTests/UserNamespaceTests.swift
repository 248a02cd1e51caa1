/// An engine that remaps users: its containers have 65,536 ids, and reach the highest level.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker
@testable import SandboxRuntime
@testable import SandboxFallback

@Suite(.serialized, .timeLimit(.minutes(3))) struct UserNamespaceTests {
    /// Runs `body` with a configuration for an engine with `userns-remap`, which has the image of the victims.
    private static func withEngine(_ body: (DockerConfiguration) async throws -> Void) async throws {
        guard EngineWorld.engineScript != nil, EngineWorld.images != nil else {
            return skip("there is no engine; scripts/engines/docker-tests.sh -- COMMAND starts one")
        }
        try await EngineControl.withEngine(named: "remap", options: ["--userns-remap"]) { engine in
            try await engine.load("static")
            try await body(ContainerWorld.configuration(engine.host))
        }
    }

    private static func ids(_ result: RunResult) -> [UInt32] {
        result.stdoutText.split(separator: "\n").filter { $0.hasPrefix("Uid:") }
            .flatMap { $0.split(separator: "\t").compactMap { UInt32($0) } }
    }

    @Test func bothRootsWorkAtTheHighestLevel() async throws {
        try await Self.withEngine { configuration in
            let backend = try DockerBackend(configuration: configuration)
            for rootfs in Rootfs.allCases {
                try await backend.withSandbox(SandboxOptions(rootfs: rootfs, isolation: .strong)) {
                    sandbox in
                    let report = sandbox.isolation
                    #expect(report.level == .strong && report.missing == [], "\(report)")
                    let result = try await sandbox.run(
                        victim: "show", ["/proc/self/uid_map", "/proc/self/status"])
                    #expect(result.outcome == .exited(code: 0), "\(result.told)")
                    #expect(result.lines.contains { $0.hasSuffix(" 65536") }, "\(result.told)")
                    let range: ClosedRange<UInt32> = rootfs == .readOnly ? 32_768...65_533 : 0...0
                    let ids = Self.ids(result)
                    #expect(ids.count == 4 && ids.allSatisfy(range.contains), "\(result.told)")
                }
            }
            await backend.shutdown()
        }
    }

    /// Files, wipes, limits and outcomes do not depend on the ids.
    @Test func aContainerServesManyAndHoldsLimits() async throws {
        try await Self.withEngine { configuration in
            let backend = try DockerBackend(configuration: configuration)
            var containers: Set<String> = []
            for leaver in ["leave_files", "leave_objects", "leave_processes"] {
                let first = try await backend.run(victim: "look_everywhere")
                #expect(first.outcome == .exited(code: 0), "\(first.told)")
                let left = try await backend.run(
                    victim: leaver, limits: Limits(processes: 128), blockedSyscalls: .deny)
                let next = try await backend.run(victim: "look_everywhere")
                #expect(next.lines == first.lines, "after \(leaver): \(next.told)")
                containers.formUnion([first, left, next].map(\.provenance.sandbox))
            }
            #expect(containers.count == 1, "the container was not reused")
            let memory = try await backend.run(
                victim: "touch_mmap", ["200"], limits: Limits(memory: 64 << 20))
            #expect(memory.outcome == .limitExceeded(.memory), "\(memory.told)")
            let processes = try await backend.run(
                victim: "fork_until_refused", limits: Limits(processes: 16))
            #expect(processes.outcome == .limitExceeded(.processes), "\(processes.told)")
            let wall = try await backend.run(
                victim: "sleep_forever", limits: Limits(wallTime: .milliseconds(300)))
            #expect(wall.outcome == .limitExceeded(.wallTime), "\(wall.told)")
            await backend.shutdown()
        }
    }

    @Test(.enabled("this host makes no sandboxes") { await FallbackWorld.isPossible })
    func aFallbackHasNoReasonToFallBack() async throws {
        try await Self.withEngine { configuration in
            let backend = try FallbackBackend(
                primary: try DockerBackend(configuration: configuration), secondary: LocalBackend())
            let result = try await backend.withSandbox(SandboxOptions(isolation: .strong)) {
                try await $0.run(victim: "nothing")
            }
            #expect(result.outcome == .exited(code: 0) && result.provenance.kind == .docker)
            #expect(result.provenance.fallbackReason == nil)
            await backend.shutdown()
        }
    }
}

/// The layers of a container are those that were observed.
@Suite struct ContainerLayersTests {
    private static let all = IsolationLayer.allCases.indices.reduce(UInt32(0)) { $0 | 1 << $1 }

    @Test func whatWasNotSeenIsNotListed() {
        #expect(LayerNames.layers(Self.all) == IsolationLayer.allCases)
        let strong = ContainerLayers.report(bits: Self.all, remapsUsers: true, cgroup: .v1)
        #expect(strong.level == .strong && strong.missing == [])
        for (index, layer) in IsolationLayer.allCases.enumerated() {
            let report = ContainerLayers.report(
                bits: Self.all & ~(1 << index), remapsUsers: true, cgroup: .v2)
            #expect(report.missing == [layer] && !report.layers.contains(layer), "\(layer)")
            #expect((report.level < .strong) == (layer != .ownInodes), "\(layer)")
            #expect(report.reasons.count == 1, "\(layer)")
        }
    }

    /// An engine in a user namespace of its own shows its containers that namespace's mapping.
    @Test func anotherUserNamespaceIsNotTheContainers() {
        let report = ContainerLayers.report(bits: Self.all, remapsUsers: false, cgroup: .v1)
        #expect(report.missing == [.userNamespace] && report.level == .standard)
    }

    /// The container's properties as requested from the engine, checked from inside.
    @Test(.timeLimit(.minutes(1)), arguments: EngineKind.allCases)
    func aCgroupNamespaceIsListedWhereItIs(_ kind: EngineKind) async throws {
        guard let address = kind.address else {
            return skip("there is no engine; \(kind.variable) names it")
        }
        let backend = try DockerBackend(configuration: ContainerWorld.configuration(address))
        try await backend.withSandbox { sandbox in
            let result = try await sandbox.run(victim: "show", ["/proc/self/cgroup"])
            let isOwn = result.lines.filter { $0.contains(":memory:") || $0.hasPrefix("0::") }
                .allSatisfy { $0.hasSuffix(":/") }
            #expect(sandbox.isolation.layers.contains(.cgroupNamespace) == isOwn, "\(result.told)")
            for layer in ContainerLayers.engine.subtracting([.cgroupNamespace]) {
                #expect(sandbox.isolation.layers.contains(layer), "\(layer)")
            }
        }
        await backend.shutdown()
    }
}
#endif
