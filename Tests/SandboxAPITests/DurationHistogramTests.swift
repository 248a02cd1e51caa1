/// Tests the histogram against the exact durations.

import TestSupport
import Testing

@testable import SandboxAPI

@Suite struct DurationHistogramTests {
    @Test func bucketsFollowOneAnother() {
        var next: UInt64 = 0
        for bucket in 0..<160 {
            let range = DurationHistogram.range(of: bucket)
            #expect(range.lowerBound == next)
            #expect(DurationHistogram.bucket(of: range.lowerBound) == bucket)
            #expect(DurationHistogram.bucket(of: range.upperBound) == bucket)
            next = range.upperBound + 1
        }
        #expect(next > 30 * 60 * 1_000_000_000)
        #expect(DurationHistogram.bucket(of: next) == 159 && DurationHistogram.bucket(of: .max) == 159)
    }

    @Test func anEmptyOneSaysNothing() {
        let empty = DurationHistogram()
        #expect(empty.count == 0 && empty.quantile(0.5) == nil && empty.mean == nil && empty.maximum == .zero)
    }

    @Test func theOnlyOneIsEveryQuantile() throws {
        for nanoseconds in [0, 1, 3, 4, 999, 1_000_000, 3_600_000_000_000] {
            var histogram = DurationHistogram()
            let only = Duration.nanoseconds(nanoseconds)
            histogram.record(only)
            #expect(histogram.maximum == only && histogram.mean == only)
            for share in [-1, 0, 0.5, 1, 7] { #expect(try #require(histogram.quantile(share)) <= only) }
            #expect(histogram.quantile(.nan) == nil)
        }
    }

    @Test(arguments: 0..<100 as Range<UInt64>) func quantilesAreCloseToTheTruth(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let values = (0..<500).map { _ in
            UInt64.random(in: 1..<(1 << UInt64.random(in: 1..<40, using: &random)), using: &random)
        }
        var (histogram, half) = (DurationHistogram(), DurationHistogram())
        for (index, value) in values.enumerated() {
            if index % 2 == 0 {
                histogram.record(.nanoseconds(Int64(value)))
            } else {
                half.record(.nanoseconds(Int64(value)))
            }
        }
        let sum = histogram + half
        let sorted = values.sorted()
        #expect(sum.count == 500 && sum.maximum == .nanoseconds(Int64(sorted[499])))
        for (share, index) in [(0, 0), (0.5, 249), (0.9, 449), (0.99, 494), (1, 499)] {
            let truth = Double(sorted[index])
            let estimate = try #require(sum.quantile(share)) / .nanoseconds(1)
            #expect(abs(estimate - truth) <= truth / 8 + 1, "seed \(seed): \(share)")
        }
    }

    @Test func extremesDoNotTrap() {
        var histogram = DurationHistogram()
        let longest = Duration.seconds(Int64.max)
        for value in [.seconds(-1), longest, longest, .seconds(19), .zero] { histogram.record(value) }
        #expect(histogram.count == 5 && histogram.quantile(0) == .zero)
        #expect(histogram.quantile(0.5) ?? .zero > .seconds(17))
    }

    @Test func equalityLooksAtTheBuckets() {
        var (a, b) = (DurationHistogram(), DurationHistogram())
        for value in [1, 5, 9] { a.record(.nanoseconds(value)) }
        for value in [2, 4, 9] { b.record(.nanoseconds(value)) }
        #expect(a != b && a.mean == b.mean && a.maximum == b.maximum)
        #expect(a + b == b + a)
    }
}
