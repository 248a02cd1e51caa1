/// The C core's words, limits and version are those of the Swift library.

import CIsolate
import SandboxAPI
import SandboxRuntime
import Testing

@Suite("Words of the C core") struct CoreWordsTests {
    @Test func version() {
        #expect(String(cString: isolate_version()) == libraryVersion)
    }

    @Test(arguments: [
        (Outcome.exited(code: 0), ISOLATE_OUTCOME_EXITED), (.signaled(signal: 9), ISOLATE_OUTCOME_SIGNALED),
        (.limitExceeded(.memory), ISOLATE_OUTCOME_LIMIT),
        (.blockedSyscall(name: "mount"), ISOLATE_OUTCOME_BLOCKED),
    ])
    func outcomes(outcome: Outcome, kind: isolate_outcome_kind) {
        let name = String(cString: isolate_outcome_name(Int32(kind.rawValue)))
        #expect(Mirror(reflecting: outcome).children.first?.label == name)
    }

    @Test(arguments: [
        (SandboxError.Code.cancelled, ISOLATE_OUTCOME_CANCELLED),
        (.hostOutOfMemory, ISOLATE_OUTCOME_HOST_OOM), (.hostOutOfDisk, ISOLATE_OUTCOME_HOST_DISK),
    ])
    func endsThatAreErrors(code: SandboxError.Code, kind: isolate_outcome_kind) {
        #expect(String(cString: isolate_outcome_name(Int32(kind.rawValue))) == code.rawValue)
    }

    @Test func limits() {
        let names = (1..<ISOLATE_LIMIT_COUNT.rawValue).map { String(cString: isolate_limit_name(Int32($0))) }
        #expect(Set(names) == Set(LimitKind.allCases.map(\.rawValue)))
        #expect(names.count == LimitKind.allCases.count)
        for kind in LimitKind.allCases {
            let core = LimitDescription.of(kind).hit?.core.rawValue ?? 0
            #expect(String(cString: isolate_limit_name(Int32(core))) == kind.rawValue)
        }
    }

    @Test func levels() {
        for (number, level) in IsolationLevel.allCases.enumerated() {
            #expect(String(cString: isolate_level_name(Int32(number))) == level.rawValue)
        }
        #expect(IsolationLevel.allCases.count == Int(ISOLATE_LEVEL_STRONG.rawValue) + 1)
    }

    @Test func layers() {
        var count = 0
        for bit in 0..<32 {
            let name = String(cString: isolate_layer_name(1 << bit))
            let layers = LayerNames.layers(1 << bit).map(\.rawValue)
            #expect(layers == (name == "unknown" ? [] : [name]))
            count += layers.count
        }
        #expect(count == IsolationLayer.allCases.count)
    }

    @Test func bindMounts() { #expect(BindMount.maximum == Int(ISOLATE_BIND_MOUNT_MAX)) }

    /// Field for field, since an option of one and a default of the other decide the same program's verdict.
    @Test func standardLimits() {
        expectEqual(isolate_standard_limits(), isolate_limits(Limits.standard))
        expectEqual(isolate_standard_limits(), isolate_limits(Limits()))
        #expect(Int(ISOLATE_STANDARD_OUTPUT_BYTES) == Limits.standard.output)
    }

    @Test func compileLimits() {
        expectEqual(isolate_compile_limits(), isolate_limits(Limits.compile))
        #expect(Int(ISOLATE_STANDARD_OUTPUT_BYTES) == Limits.compile.output)
    }

    private func expectEqual(_ core: isolate_limits, _ swift: isolate_limits) {
        for limit in LimitDescription.all {
            guard let field = limit.field else { continue }
            #expect(core[keyPath: field] == swift[keyPath: field], "\(limit.name)")
        }
        #expect(core.cpu_first == swift.cpu_first)
    }
}
