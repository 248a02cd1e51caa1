/// Runs the public conformance suite on the local backend, which passes it.
import Foundation
import Sandbox
import Synchronization
import Testing

@testable import SandboxTesting

@Suite("The public suite on the local backend", .requires(.standard), .timeLimit(.minutes(10)))
struct PublicSuiteTests {
    /// An ordinary user can write only to the root of an image that the library unpacked.
    static let conformance = BackendConformance(rootfsModes: geteuid() == 0 ? nil : [.readOnly]) {
        LocalBackend(.init(minimum: 0, maximum: 4))
    }

    @Test(arguments: await conformance.checks) func conforms(check: ConformanceCheck) async throws {
        try await check.run(on: Self.conformance)
    }

    @Test func namesAreDistinct() {
        let names = ConformanceCheck.everything.map(\.name)
        #expect(Set(names).count == names.count && names.count > 50)
    }

    @Test func onlyWhatIsPromisedIsLookedFor() {
        var capabilities = BackendCapabilities.fake
        #expect(ConformanceCheck.all(for: capabilities).count == ConformanceCheck.everything.count)
        capabilities.enforcedLimits = [.wallTime]
        capabilities.layers = []
        capabilities.level = .unconfined
        let names = Set(ConformanceCheck.all(for: capabilities).map(\.name))
        for check in [LimitChecks.memory, LimitChecks.cpuTime, OutputChecks.bound, IsolationChecks.ownFiles] {
            #expect(!names.contains(check.name))
        }
        for check in [LimitChecks.wallTime, OutputChecks.large, IsolationChecks.report] {
            #expect(names.contains(check.name))
        }
    }
}
