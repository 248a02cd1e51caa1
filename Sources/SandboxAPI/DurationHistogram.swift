/// Counts of durations, in buckets that grow with the duration.

/// A histogram of durations of constant size: adding costs a few nanoseconds, a quantile is at most 12 % off.
///
/// Four buckets to each doubling, from 1 ns to 36 minutes; a longer duration counts as 36 minutes in a
/// quantile. The count, the mean and the maximum are exact.
public struct DurationHistogram: Sendable {
    /// Stored inline: a copy allocates no memory, and so the next ``record(_:)`` on the original allocates
    /// none either.
    private var buckets = InlineArray<160, UInt64>(repeating: 0)
    public private(set) var count: UInt64 = 0
    private var nanoseconds: UInt64 = 0
    private var longest: UInt64 = 0

    public init() {}

    /// Adds a duration; a negative one counts as 0.
    public mutating func record(_ duration: Duration) {
        let attoseconds = duration.attoseconds
        // Durations of up to 18 s, the common ones, are counted without a division of 128 bits.
        if let short = UInt64(exactly: attoseconds) {
            record(nanoseconds: short / 1_000_000_000)
        } else {
            record(nanoseconds: UInt64(clamping: max(0, attoseconds / 1_000_000_000)))
        }
    }

    private mutating func record(nanoseconds value: UInt64) {
        buckets[Self.bucket(of: value)] += 1
        count += 1
        let (sum, overflow) = nanoseconds.addingReportingOverflow(value)
        nanoseconds = overflow ? .max : sum
        longest = max(longest, value)
    }

    public var maximum: Duration { .nanoseconds(Int64(clamping: longest)) }

    /// The mean; `nil` while there is no duration.
    public var mean: Duration? {
        count == 0 ? nil : .nanoseconds(Int64(clamping: nanoseconds / count))
    }

    /// The duration that this share of all did not exceed: 0.5 is the median. `nil` while there is none.
    ///
    /// - Parameter share: from 0 to 1; a value outside counts as the nearer end.
    public func quantile(_ share: Double) -> Duration? {
        guard count > 0, !share.isNaN else { return nil }
        let wanted = (min(max(share, 0), 1) * Double(count)).rounded(.up)
        let rank = max(1, min(UInt64(wanted), count))
        var seen: UInt64 = 0
        for index in buckets.indices {
            seen += buckets[index]
            if seen >= rank {
                let range = Self.range(of: index)
                let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
                return .nanoseconds(Int64(min(middle, longest)))
            }
        }
        return maximum
    }

    /// The histogram of all durations of both.
    public static func + (a: Self, b: Self) -> Self {
        var sum = a
        for index in sum.buckets.indices { sum.buckets[index] += b.buckets[index] }
        sum.count += b.count
        let (nanoseconds, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        sum.nanoseconds = overflow ? .max : nanoseconds
        sum.longest = max(a.longest, b.longest)
        return sum
    }

    // MARK: Buckets

    /// Below 4 ns each nanosecond has a bucket; from there on the leading bit and the two bits after it
    /// choose.
    static func bucket(of nanoseconds: UInt64) -> Int {
        if nanoseconds < 4 { return Int(nanoseconds) }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        let index = (exponent - 1) * 4 + Int((nanoseconds >> UInt64(exponent - 2)) & 3)
        return min(index, 159)
    }

    /// The range of a bucket in nanoseconds, both ends included.
    static func range(of bucket: Int) -> ClosedRange<UInt64> {
        if bucket < 4 { return UInt64(bucket)...UInt64(bucket) }
        let width = UInt64(1) << UInt64(bucket / 4 - 1)
        let start = UInt64(4 + bucket % 4) * width
        return start...(start + width - 1)
    }
}

extension DurationHistogram: Hashable {
    public static func == (a: Self, b: Self) -> Bool {
        a.count == b.count && a.nanoseconds == b.nanoseconds && a.longest == b.longest
            && a.buckets.indices.allSatisfy { a.buckets[$0] == b.buckets[$0] }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(nanoseconds)
        hasher.combine(longest)
    }
}
