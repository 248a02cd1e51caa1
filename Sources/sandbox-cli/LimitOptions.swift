/// The limits on the command line and in its output, each as the limits' table describes it.

#if CLI
import ArgumentParser
import Sandbox
import SandboxRuntime

/// A limit from the command line, ready to be set.
struct LimitSetting: Sendable {
    let apply: @Sendable (inout Limits) -> Void
}

/// The bounds of the run: an option for each row of the table.
struct LimitOptions: ParsableArguments, CustomReflectable {
    private let options: [(limit: LimitDescription, option: Option<LimitSetting?>)]

    init() {
        options = LimitDescription.all.map { limit in
            let option = Option<LimitSetting?>(
                name: .customLong(limit.option), parsing: .unconditional,
                help: .init(limit.helpWithDefault, valueName: limit.valueName), transform: limit.parse)
            return (limit, option)
        }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: LimitKey.self)
        options = try LimitDescription.all.map { limit in
            (limit, try values.decode(Option<LimitSetting?>.self, forKey: LimitKey(limit.name)))
        }
    }

    /// The properties by which ArgumentParser finds the options: one of each limit's name, in its wrapper.
    var customMirror: Mirror {
        Mirror(self, children: options.map { ("_" + $0.limit.name, $0.option as Any) })
    }

    /// Sets the given limits in `limits`.
    ///
    /// - Returns: the names of those limits.
    private func apply(to limits: inout Limits) -> Set<String> {
        var given: Set<String> = []
        for (limit, option) in options {
            guard let setting = option.wrappedValue else { continue }
            setting.apply(&limits)
            given.insert(limit.name)
        }
        return given
    }

    /// The run's limits. A CPU time given alone raises the wall time, which would otherwise end the run
    /// first.
    var run: Limits { run(over: .standard) }

    /// The run's limits, where those of no option are a language's own.
    func run(over standard: Limits) -> Limits {
        var limits = standard
        let given = apply(to: &limits)
        if given.contains(LimitKind.cpuTime.rawValue), !given.contains(LimitKind.wallTime.rawValue) {
            let longer = max(limits.wallTime, limits.cpuTime * 2)
            limits.wallTime = min(longer, LimitDescription.longestTime)
        }
        return limits
    }
}

/// A limit's name as the name of an option, or as its key in JSON.
struct LimitKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension LimitDescription {
    /// The name of the option's value, as the help's title explains it.
    var valueName: String {
        switch value {
        case .time: "s"
        case .bytes: "size"
        case .count, .processors: "n"
        case .processorSet: "list"
        }
    }

    /// Reads the option's value; `check` tests the ranges of all limits later.
    func parse(_ text: String) throws -> LimitSetting {
        switch value {
        case .time(let path):
            let time = try Seconds.parse(text)
            return LimitSetting { $0[keyPath: path] = time }
        case .bytes(let path, _):
            let size = try ByteSize.parse(text)
            return LimitSetting { $0[keyPath: path] = size }
        case .count(let path, _, _):
            let count = try Count.parse(text)
            return LimitSetting { $0[keyPath: path] = count }
        case .processors(let path, _):
            let number = try Processors.parse(text)
            return LimitSetting { $0[keyPath: path] = number }
        case .processorSet(let path, let range):
            let set = try ProcessorSet.parse(text, in: range)
            return LimitSetting { $0[keyPath: path] = set }
        }
    }

    /// Whether meeting this limit gives exit status 124, else 123.
    var isTime: Bool {
        if case .time = value { true } else { false }
    }

    /// The limit's value for people.
    private func describe(in limits: Limits) -> String {
        switch value {
        case .time(let path): Seconds.describe(limits[keyPath: path])
        case .bytes(let path, _): ByteSize.describe(limits[keyPath: path])
        case .count(let path, _, _): "\(limits[keyPath: path])"
        case .processors, .processorSet: text(in: limits)
        }
    }

    /// Which values the option takes, with their unit.
    var rangeText: String {
        switch value {
        case .time: "more than 0, at most \(Seconds.describe(Self.longestTime))"
        case .bytes(_, let range):
            "\(ByteSize.describe(range.lowerBound)) to \(ByteSize.describe(range.upperBound))"
        case .count(_, let range, let noun): "\(range.lowerBound) to \(range.upperBound) \(noun)"
        case .processors(_, let range): "\(range.lowerBound) up to all processors"
        case .processorSet(_, let range): "\(range.lowerBound) to \(range.upperBound)"
        }
    }

    var helpWithDefault: String { "\(help) (\(rangeText); default: \(describe(in: .standard)))" }

    /// The message when a program met the limit.
    func explanation(in limits: Limits) -> String {
        "\(hit?.words ?? name) limit exceeded (\(describe(in: limits)))"
    }

    /// Encodes the limit's value into the object `limits`, which has no key for what is not limited.
    func encode(_ limits: Limits, to object: inout KeyedEncodingContainer<LimitKey>) throws {
        switch value {
        case .time(let path):
            try object.encode(Seconds.value(limits[keyPath: path]), forKey: LimitKey(key))
        case .bytes(let path, _), .count(let path, _, _):
            try object.encode(limits[keyPath: path], forKey: LimitKey(key))
        case .processors(let path, _):
            try object.encodeIfPresent(limits[keyPath: path], forKey: LimitKey(key))
        case .processorSet(let path, _):
            try object.encodeIfPresent(limits[keyPath: path]?.sorted(), forKey: LimitKey(key))
        }
    }
}
#endif
