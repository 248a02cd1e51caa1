/// Tests that the table has every limit once, and that each set of names follows from it.

import CIsolate
import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite struct LimitTableTests {
    private static let all = LimitDescription.all

    @Test func everyKindHasOneDescription() {
        let kinds = Self.all.compactMap(\.hit?.kind)
        #expect(kinds.count == LimitKind.allCases.count && Set(kinds) == Set(LimitKind.allCases))
        for kind in LimitKind.allCases {
            let limit = LimitDescription.of(kind)
            #expect(limit.hit?.kind == kind && limit.name == kind.rawValue)
        }
    }

    @Test func noNameStandsForTwo() {
        let names: [(LimitDescription) -> String] = [{ $0.name }, { $0.option }, { $0.key }, { $0.help }]
        for name in names { #expect(Set(Self.all.map(name)).count == Self.all.count) }
        let words = Self.all.compactMap(\.hit?.words)
        #expect(Set(words).count == words.count)
        let resources = Self.all.compactMap(\.resource?.number)
        #expect(Set(resources).count == resources.count)
    }

    /// The names are those of the properties of `Limits`, without an omission.
    @Test func everyPropertyOfLimitsIsDescribed() {
        let properties = Mirror(reflecting: Limits.standard).children.compactMap(\.label)
        #expect(properties.count == Self.all.count && Set(properties) == Set(Self.all.map(\.name)))
        for limit in Self.all {
            for property in Mirror(reflecting: Self.changed(limit)).children {
                let before = Mirror(reflecting: Limits.standard).children.first { $0.label == property.label }
                let isChanged = "\(property.value)" != before.map { "\($0.value)" }
                #expect(isChanged == (property.label == limit.name), "\(limit.name)")
            }
        }
    }

    /// The standard limits with one of them at its least allowed value.
    private static func changed(_ limit: LimitDescription) -> Limits {
        var limits = Limits.standard
        switch limit.value {
        case .time(let path): limits[keyPath: path] = .nanoseconds(1)
        case .bytes(let path, let range), .count(let path, let range, _):
            limits[keyPath: path] = range.lowerBound
        case .processors(let path, let range): limits[keyPath: path] = range.lowerBound
        case .processorSet(let path, let range): limits[keyPath: path] = [range.lowerBound]
        }
        return limits
    }

    @Test func everyKindOfTheCoreIsOneOfOurs() {
        for number in 1..<ISOLATE_LIMIT_COUNT.rawValue {
            let core = isolate_limit_kind(number)
            let kind = LimitKind(core)
            #expect(kind.map { LimitDescription.of($0).hit?.core == core } == true, "\(number)")
            #expect(LimitKind.kinds(of: 1 << number) == [kind])
        }
        #expect(LimitKind(ISOLATE_LIMIT_NONE) == nil && LimitKind(ISOLATE_LIMIT_COUNT) == nil)
        #expect(LimitKind.kinds(of: ~0).count == LimitKind.allCases.count)
        #expect(LimitKind.kinds(of: ISOLATE_HIT_HOST_DISK.rawValue).isEmpty)
    }

    @Test func theRequestHasEachLimitInItsPlace() {
        let request = isolate_limits(
            Limits(
                wallTime: .milliseconds(1), cpuTime: .nanoseconds(2), memory: 3, processes: 4, output: 5,
                fileSize: 6, disk: 7, openFiles: 8, stack: 9))
        #expect(request.wall_ns == 1_000_000 && request.cpu_ns == 2 && request.memory_bytes == 3)
        #expect(request.processes == 4 && request.file_size_bytes == 6 && request.disk_bytes == 7)
        #expect(request.open_files == 8 && request.stack_bytes == 9)
        // 0 means all processors, and a fraction takes a whole one.
        #expect(request.cpus == 0 && request.cpu_first == 0)
        for (cpus, whole) in [(0.01, 1), (1, 1), (1.01, 2), (2, 2)] as [(Double, UInt64)] {
            #expect(isolate_limits(Limits(cpus: cpus)).cpus == whole)
        }
        let set = isolate_limits(Limits(cpuSet: [0, 63, 64, 1023])).cpu_set
        #expect(set.0 == 1 << 63 | 1 && set.1 == 1 && set.2 == 0 && set.15 == 1 << 63)
        let standard = withUnsafeBytes(of: isolate_limits(.standard)) { Array($0) }
        for limit in Self.all {
            let changed = withUnsafeBytes(of: isolate_limits(Self.changed(limit))) { Array($0) }
            let fields = Set(standard.indices.filter { standard[$0] != changed[$0] }.map { $0 / 8 })
            let isSet = if case .processorSet = limit.value { true } else { false }
            #expect(fields.count == (limit.field == nil && !isSet ? 0 : 1), "\(limit.name)")
        }
    }

    @Test func theDefaultsAndTheEndsOfEachRangeAreValid() throws {
        for limits in [Limits.standard, .compile] { try Validation.check(limits) }
        for limit in Self.all {
            try Validation.check(Self.changed(limit))
            var limits = Limits.standard
            switch limit.value {
            case .time(let path): limits[keyPath: path] = LimitDescription.longestTime
            case .bytes(let path, let range), .count(let path, let range, _):
                limits[keyPath: path] = range.upperBound
            case .processors(let path, let range): limits[keyPath: path] = range.upperBound
            case .processorSet(let path, let range): limits[keyPath: path] = Set(range)
            }
            try Validation.check(limits)
            switch limit.value {
            case .time(let path): limits[keyPath: path] += .nanoseconds(1)
            case .bytes(let path, _), .count(let path, _, _): limits[keyPath: path] += 1
            case .processors(let path, let range): limits[keyPath: path] = range.upperBound.nextUp
            case .processorSet(let path, let range): limits[keyPath: path]?.insert(range.upperBound + 1)
            }
            let error = #expect(throws: SandboxError.self) { try Validation.check(limits) }
            #expect(error?.code == .invalidLimit)
            #expect(error?.message.hasPrefix("limit \(limit.name) is ") == true)
        }
    }
}
