/// Measured times in milliseconds (or rates), their median and 99th percentile, and ratios of two series.

struct Samples {
    private(set) var values: [Double] = []

    mutating func add(_ duration: Duration) { values.append(duration / .milliseconds(1)) }

    /// The same for runs per second.
    mutating func add(rate: Double) { values.append(rate) }

    var median: Double { quantile(0.5) }
    var p99: Double { quantile(0.99) }

    private func quantile(_ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// The median over the rounds of the ratio of both series' samples.
    func medianRatio(to base: Samples) -> Double {
        var ratios = Samples()
        ratios.values = zip(values, base.values).map { $0 / $1 }
        return ratios.median
    }
}

/// Times one call.
func time(_ body: () throws -> Void) rethrows -> Duration {
    try ContinuousClock().measure(body)
}
