/// The table of all limits. Validation, the command's options, JSON, exit statuses and messages, and the
/// records to and from C are derived from it.

package import CIsolate
package import SandboxAPI

/// One limit: its property, its range, and its name in each place.
package struct LimitDescription: Sendable {
    package typealias Property<Value> = any WritableKeyPath<Limits, Value> & Sendable
    package typealias Field = any WritableKeyPath<isolate_limits, UInt64> & Sendable

    /// The property of ``Limits``, its unit, and its range.
    package enum Value: Sendable {
        /// More than 0, at most ``LimitDescription/longestTime``.
        case time(Property<Duration>)
        case bytes(Property<Int>, ClosedRange<Int>)
        /// A number of things; `noun` names them.
        case count(Property<Int>, ClosedRange<Int>, noun: String)
        /// With fractions; nil for all processors. Only the backend knows their number, see
        /// `checkProcessors`.
        case processors(Property<Double?>, ClosedRange<Double>)
        /// Processors by their numbers; nil for any. Only the kernel knows which there are.
        case processorSet(Property<Set<Int>?>, ClosedRange<Int>)
    }

    /// How results report that a program met the limit.
    package struct Hit: Sendable {
        package var kind: LimitKind
        package var core: isolate_limit_kind
        /// Text for people: completes "… limit exceeded".
        package var words: String
    }

    /// The kernel's own limit (RLIMIT_…) that enforces this one, or backs it up.
    package struct Resource: Sendable {
        /// The same number on both architectures.
        package var number: Int32
        /// The option of the shell's `ulimit`.
        package var option: String
    }

    /// The name in ``Limits``, in errors and in outcomes.
    package let name: String
    package let value: Value
    /// The command's option, without its dashes.
    package let option: String
    /// The key in the JSON object `limits`.
    package let key: String
    /// What the limit bounds, for the command's help.
    package let help: String
    /// The field of the request to C; nil for a limit that only the embedder's side enforces.
    package let field: Field?
    /// nil for a limit that slows a program down and ends no run.
    package let hit: Hit?
    package let resource: Resource?

    private init(
        _ kind: LimitKind, _ value: Value, option: String, key: String, help: String,
        field: Field?, hit: isolate_limit_kind, words: String,
        resource: (Int32, String)? = nil
    ) {
        name = kind.rawValue
        self.value = value
        self.option = option
        self.key = key
        self.help = help
        self.field = field
        self.hit = Hit(kind: kind, core: hit, words: words)
        self.resource = resource.map { Resource(number: $0.0, option: $0.1) }
    }

    /// A limit that ends no run.
    private init(
        _ name: String, _ value: Value, option: String, key: String, help: String, field: Field?
    ) {
        self.name = name
        self.value = value
        self.option = option
        self.key = key
        self.help = help
        self.field = field
        hit = nil
        resource = nil
    }

    package static let longestTime = Duration.seconds(24 * 60 * 60)
    /// With less memory the kernel cannot even start a program.
    package static let leastMemory = 1 << 20
    private static let mostMemory = 1 << 46

    private static let cpus = LimitDescription(
        "cpus", .processors(\.cpus, 0.01...8192), option: "cpus", key: "cpus",
        help: "Processors' worth of CPU time at a time, with fractions.", field: \isolate_limits.cpus)

    private static let cpuSet = LimitDescription(
        "cpuSet", .processorSet(\.cpuSet, 0...1023), option: "cpu-set", key: "cpuSet",
        help: "The processors it may use, by their numbers: 0,2-3.", field: nil)

    /// All limits, in the order of the command's help.
    package static let all: [LimitDescription] = [
        LimitDescription(
            .wallTime, .time(\.wallTime), option: "wall-time", key: "wallSeconds",
            help: "Real time from the program's start.",
            field: \isolate_limits.wall_ns, hit: ISOLATE_LIMIT_WALL_TIME, words: "wall time"),
        LimitDescription(
            .cpuTime, .time(\.cpuTime), option: "cpu-time", key: "cpuSeconds",
            help: "CPU time of all its processes together.",
            field: \isolate_limits.cpu_ns, hit: ISOLATE_LIMIT_CPU_TIME,
            words: "CPU time", resource: (0, "t")),
        LimitDescription(
            .memory, .bytes(\.memory, leastMemory...mostMemory), option: "memory", key: "memoryBytes",
            help: "Memory of all its processes together.",
            field: \isolate_limits.memory_bytes, hit: ISOLATE_LIMIT_MEMORY,
            words: "memory", resource: (2, "d")),
        LimitDescription(
            .processes, .count(\.processes, 1...4_000_000, noun: "processes"), option: "processes",
            key: "processes", help: "Processes and threads at a time.",
            field: \isolate_limits.processes, hit: ISOLATE_LIMIT_PROCESSES,
            words: "process", resource: (6, "u")),
        LimitDescription(
            .output, .bytes(\.output, 0...(1 << 40)), option: "output-limit", key: "outputBytes",
            help: "Output on stdout, and on stderr, each.",
            field: nil, hit: ISOLATE_LIMIT_OUTPUT, words: "output"),
        LimitDescription(
            .fileSize, .bytes(\.fileSize, 0...mostMemory), option: "file-size", key: "fileSizeBytes",
            help: "The largest file it may write.",
            field: \isolate_limits.file_size_bytes, hit: ISOLATE_LIMIT_FILE_SIZE,
            words: "file size", resource: (1, "f")),
        LimitDescription(
            .disk, .bytes(\.disk, 4096...mostMemory), option: "disk", key: "diskBytes",
            help: "All its files in /work, /tmp and /dev/shm together.",
            field: \isolate_limits.disk_bytes, hit: ISOLATE_LIMIT_DISK, words: "disk"),
        LimitDescription(
            .openFiles, .count(\.openFiles, 3...1_048_576, noun: "descriptors"), option: "open-files",
            key: "openFiles", help: "Open descriptors of each process.",
            field: \isolate_limits.open_files, hit: ISOLATE_LIMIT_OPEN_FILES,
            words: "open file", resource: (7, "n")),
        LimitDescription(
            .stack, .bytes(\.stack, (64 << 10)...mostMemory), option: "stack", key: "stackBytes",
            help: "The main thread's stack, and a new thread's unless it says another size.",
            field: \isolate_limits.stack_bytes, hit: ISOLATE_LIMIT_STACK,
            words: "stack", resource: (3, "s")),
        cpus,
        cpuSet,
    ]

    private static let byKind: [LimitKind: LimitDescription] = .init(
        uniqueKeysWithValues: all.compactMap { limit in limit.hit.map { ($0.kind, limit) } })

    /// The description of a limit that a program can meet. A test ensures that each kind has one.
    package static func of(_ kind: LimitKind) -> LimitDescription {
        guard let limit = byKind[kind] else { preconditionFailure("limit \(kind) is not in the table") }
        return limit
    }

    /// Its value in these limits, for people who know the unit.
    package func text(in limits: Limits) -> String {
        switch value {
        case .time(let path): "\(limits[keyPath: path])"
        case .bytes(let path, _), .count(let path, _, _): "\(limits[keyPath: path])"
        case .processors(let path, _): limits[keyPath: path].map { "\($0)" } ?? "all"
        case .processorSet(let path, _): limits[keyPath: path].map(Self.list) ?? "any"
        }
    }

    /// `0,2,3`.
    package static func list(_ processors: Set<Int>) -> String {
        processors.sorted().map { "\($0)" }.joined(separator: ",")
    }

    // MARK: Validation

    package func check(_ limits: Limits) throws(SandboxError) {
        switch value {
        case .time(let path):
            let time = limits[keyPath: path]
            guard time > .zero, time <= Self.longestTime else {
                throw outOfRange("\(time)", "more than 0 and at most 24 hours")
            }
        case .bytes(let path, let range): try check(limits[keyPath: path], range, "bytes")
        case .count(let path, let range, let noun): try check(limits[keyPath: path], range, noun)
        case .processors(let path, let range):
            if let number = limits[keyPath: path], !range.contains(number) {
                throw outOfRange(
                    "\(number) processors", "at least \(range.lowerBound), or none for all of them")
            }
        case .processorSet(let path, let range):
            guard let set = limits[keyPath: path] else { return }
            guard !set.isEmpty else { throw outOfRange("empty", "at least one processor, or none for any") }
            if let number = set.sorted().first(where: { !range.contains($0) }) {
                throw outOfRange(
                    "\(Self.list(set)), and \(number) is no processor's number",
                    "numbers from \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }

    /// Checks `cpus` against the number of processors, and against that of `cpuSet`.
    ///
    /// - Parameters:
    ///   - count: the number of processors; 0 where it is unknown.
    ///   - whose: completes "… has".
    package static func checkProcessors(
        _ limits: Limits, has count: Int, _ whose: String
    ) throws(SandboxError) {
        guard let number = limits.cpus else { return }
        if let set = limits.cpuSet, number > Double(set.count) {
            throw cpus.outOfRange(
                "\(number) processors, and limit cpuSet names \(set.count)",
                "at most that, or none for all of them")
        }
        guard count > 0, number > Double(count) else { return }
        throw cpus.outOfRange(
            "\(number) processors, and \(whose) has \(count)", "at most that, or none for all of them")
    }

    private func check(_ number: Int, _ range: ClosedRange<Int>, _ noun: String) throws(SandboxError) {
        guard range.contains(number) else {
            throw outOfRange("\(number) \(noun)", "\(range.lowerBound) to \(range.upperBound)")
        }
    }

    private func outOfRange(_ what: String, _ range: String) -> SandboxError {
        SandboxError(.invalidLimit, message: "limit \(name) is \(what)", hint: "give \(range)")
    }

    // MARK: C

    /// The value of the request's field.
    private func core(_ limits: Limits) -> UInt64? {
        switch value {
        case .time(let path): limits[keyPath: path].nanoseconds
        case .bytes(let path, _), .count(let path, _, _): UInt64(limits[keyPath: path])
        case .processors(let path, _): limits[keyPath: path].map { UInt64($0.rounded(.up)) } ?? 0
        case .processorSet: nil
        }
    }

    fileprivate func write(_ limits: Limits, to request: inout isolate_limits) {
        if let field, let number = core(limits) { request[keyPath: field] = number }
        guard case .processorSet(let path, _) = value, let set = limits[keyPath: path] else { return }
        withUnsafeMutableBytes(of: &request.cpu_set) { bytes in
            let words = bytes.assumingMemoryBound(to: UInt64.self)
            for number in set { words[number / 64] |= 1 << (number % 64) }
        }
    }
}

extension isolate_limits {
    /// - Parameter limits: validated ones.
    package init(_ limits: Limits) {
        self.init()
        for limit in LimitDescription.all { limit.write(limits, to: &self) }
    }
}

extension LimitKind {
    init?(_ core: isolate_limit_kind) {
        guard let hit = LimitDescription.all.lazy.compactMap(\.hit).first(where: { $0.core == core }) else {
            return nil
        }
        self = hit.kind
    }

    /// - Parameter bits: the sum of 1 << `isolate_limit_kind`.
    static func kinds(of bits: UInt32) -> [LimitKind] {
        (1..<ISOLATE_LIMIT_COUNT.rawValue).compactMap { kind in
            bits & (1 << kind) == 0 ? nil : LimitKind(isolate_limit_kind(kind))
        }
    }
}
