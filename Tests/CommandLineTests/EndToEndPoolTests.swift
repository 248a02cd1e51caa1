/// Runs the built command's `pool`: its figures, its end by a signal, its errors.

#if CLI && Docker
import Foundation
import Testing

@testable import SandboxCLI

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Pools {
        private let small = "export POOL_MIN_SIZE=1 POOL_MAX_SIZE=3; exec \"$@\""

        @Test func json() throws {
            let run = try SandboxProcess.run(["pool", "--backend", "local", "--json"], through: small)
            #expect(run.status == 0 && run.err == "")
            let pool = try run.json
            #expect(
                pool.keys == [
                    "schemaVersion", "total", "inUse", "available", "waiting", "creating", "resetting",
                    "checking", "destroying", "created", "destroyed", "failures", "unfit", "acquired",
                    "cancelled", "refused", "acquireTimes", "sandboxes",
                ])
            #expect(pool["available"] == 1 && pool["inUse"] == 0 && pool["acquired"] == 1)
            #expect(
                pool["acquireTimes"]?.keys == ["count", "p50Seconds", "p99Seconds", "maximumSeconds"])
            let sandboxes = try #require(pool["sandboxes"]?.elements)
            #expect(sandboxes.count == 1)
            #expect(sandboxes[0].keys == ["pool", "id", "state", "ageSeconds", "uses"])
            #expect(sandboxes[0]["state"] == "available" && sandboxes[0]["uses"] == 0)
        }

        @Test func table() throws {
            let run = try SandboxProcess.run(["pool", "--backend", "local"], through: small)
            #expect(run.status == 0)
            let lines = run.out.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == 6 && lines[0].hasPrefix("total  in use  available"))
            #expect(lines[3].hasPrefix("sandbox  state") && lines[4].contains("available"))
        }

        @Test(arguments: [SIGINT, SIGTERM]) func aWatchEndsCleanly(_ signal: Int32) throws {
            let run = try SandboxProcess.run(
                ["pool", "--backend", "local", "--watch", "--interval", "0.05", "--json"], through: small,
                onOutput: { pid in
                    usleep(300_000)
                    kill(pid, signal)
                })
            #expect(run.status == 0 && run.err == "")
            let lines = run.out.split(separator: "\n")
            #expect(lines.count > 1)
            for line in lines { #expect(try JSONValue.parse(Array(line.utf8))["total"] != nil) }
        }
    }

    @Suite struct PoolComplaints {
        @Test func variables() throws {
            let run = try SandboxProcess.run(
                ["pool", "--backend", "local"],
                through: "export POOL_MIN_SIZE=4 POOL_MAX_SIZE=3; exec \"$@\"")
            #expect(run.status == 125)
            #expect(run.err.contains("POOL_MIN_SIZE is 4") && run.err.contains("POOL_MAX_SIZE, 3"))
        }

        @Test func anEngineThatIsNotThere() throws {
            let run = try SandboxProcess.run(["pool", "--json"], through: withoutEngine)
            #expect(run.status == 125)
            #expect(try run.json["error"]?["code"] == "backendUnavailable")
        }
    }
}
#endif
