// Which form each connection has, and the bound of a transcript.
import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite("Plans of a conversation")
struct ConversationPlanTests {
    private func plan(
        _ connections: [Connection], local: [Bool], isRecorded: Bool = false
    ) throws -> [ConnectionReport.Form] {
        let names = Array(["a", "b", "c"].prefix(local.count))
        var plan = try ConversationPlan(
            names: names, hasInput: local.map { _ in false }, connections: connections)
        plan.choose(takesDescriptors: local, isRecorded: isRecorded)
        return plan.links.map(\.form)
    }

    @Test("A pipe where both ends are local, nothing is recorded and the stdin has one source")
    func forms() throws {
        let both = Connection.between("a", "b")
        #expect(try plan(both, local: [true, true]) == [.pipe, .pipe])
        #expect(try plan(both, local: [true, true], isRecorded: true) == [.relayedPipe, .relayedPipe])
        #expect(try plan(both, local: [true, false]) == [.relayedStream, .relayedStream])
        let merged = [
            Connection(from: "a", to: "c"), Connection(from: "b", to: "c"), Connection(from: "c", to: "a"),
        ]
        #expect(try plan(merged, local: [true, true, true]) == [.relayedPipe, .relayedPipe, .pipe])
        #expect(
            try plan(merged, local: [true, false, true]) == [.relayedStream, .relayedStream, .pipe],
            "a stdin has one kind of source")
    }

    @Test("A stdin of its own and a connection exclude each other")
    func input() {
        #expect(throws: SandboxError.self) {
            try ConversationPlan(
                names: ["a", "b"], hasInput: [false, true], connections: [Connection(from: "a", to: "b")])
        }
    }

    @Test("A transcript is cut at its bound, whatever the size of the pieces")
    func transcript() {
        var large = TranscriptRecorder(.upTo(100))
        large.record(Array(repeating: 1, count: 1000), on: 0, after: .zero)
        large.record([2], on: 1, after: .zero)
        #expect(large.transcript.entries.map(\.bytes.count) == [100 - Transcript.entryCost])
        #expect(large.transcript.isCut)
        var small = TranscriptRecorder(.upTo(100))
        for number in 0..<50 { small.record([UInt8(number)], on: 0, after: .zero) }
        #expect(small.transcript.entries.count == 3)
        #expect(small.transcript.isCut)
        var exact = TranscriptRecorder(.upTo(Transcript.entryCost + 4))
        exact.record([1, 2, 3, 4], on: 0, after: .zero)
        #expect(exact.transcript.entries.map(\.bytes) == [[1, 2, 3, 4]])
        #expect(!exact.transcript.isCut)
        var none = TranscriptRecorder(.none)
        none.record([1], on: 0, after: .zero)
        #expect(none.transcript.entries.isEmpty)
    }
}
