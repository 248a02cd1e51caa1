/// Tests that runs with a limit `cpus` get the processors with the fewest such runs.

import Testing

@testable import Sandbox

@Suite struct ProcessorLoadTests {
    @Test func runsAtTheSameTimeGetDifferentOnes() {
        for start in 0..<9 {
            var load = ProcessorLoad(start: start)
            #expect(Set((0..<4).map { _ in load.take(1, of: 4) }) == [0, 1, 2, 3])
            #expect(load.runs == [1, 1, 1, 1])
            let again = load.take(1, of: 4)
            load.giveBack(2, 1, of: 4)
            #expect(again == 2 || load.take(1, of: 4) == 2)
        }
    }

    /// Successive runs take turns, so that the runs of many processes are not all on the first processor.
    @Test func runsOneAfterAnotherTakeTurns() {
        var load = ProcessorLoad(start: 1)
        var taken: [Int] = []
        for _ in 0..<4 {
            taken.append(load.take(1, of: 3))
            load.giveBack(taken[taken.count - 1], 1, of: 3)
        }
        #expect(taken == [1, 2, 0, 1])
    }

    @Test func neighboursGoAround() {
        var load = ProcessorLoad(start: 3)
        #expect(load.take(2, of: 4) == 3 && load.runs == [1, 0, 0, 1])
        #expect(load.take(2, of: 4) == 1 && load.runs == [1, 1, 1, 1])
        #expect(load.take(4, of: 4) >= 0 && load.runs == [2, 2, 2, 2])
    }

    @Test func moreThanThereAreIsAllOfThem() {
        var load = ProcessorLoad(start: 5)
        let first = load.take(7, of: 2)
        #expect(load.runs == [1, 1])
        load.giveBack(first, 7, of: 2)
        #expect(load.runs == [0, 0])
    }

    /// In any order of taking and returning nothing is left over, and the window taken never had more runs
    /// than another.
    @Test(arguments: 0..<20) func takesTheLeastLoaded(seed: UInt64) {
        var state = seed &* 6_364_136_223_846_793_005 &+ 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let all = 1 + random(9)
        var load = ProcessorLoad(start: random(100))
        var held: [(first: Int, count: Int)] = []
        for _ in 0..<500 {
            if !held.isEmpty, random(2) == 0 {
                let one = held.remove(at: random(held.count))
                load.giveBack(one.first, one.count, of: all)
            } else {
                let count = 1 + random(all)
                let before = load.runs + Array(repeating: 0, count: all - load.runs.count)
                func runs(_ first: Int) -> Int { (0..<count).reduce(0) { $0 + before[(first + $1) % all] } }
                let first = load.take(count, of: all)
                #expect(runs(first) == (0..<all).map(runs).min())
                held.append((first, count))
            }
        }
        for one in held { load.giveBack(one.first, one.count, of: all) }
        #expect(load.runs.allSatisfy { $0 == 0 })
    }

    @Test func aShareIsGivenBackOnce() {
        let one = ProcessorShare(1, of: 64)
        let other = ProcessorShare(1, of: 64)
        #expect(one.first != other.first)
        one.giveBack()
        one.giveBack()
        other.giveBack()
        let taken = (0..<64).map { _ in ProcessorShare(1, of: 64) }
        defer { for share in taken { share.giveBack() } }
        #expect(Set(taken.map(\.first)).count == 64)
    }
}
