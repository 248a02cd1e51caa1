/// Tests the bytes of a pull, from reports as an engine makes them.

#if Docker
import Testing

@testable import SandboxDocker

@Suite struct PulledLayersTests {
    private func bytes(_ reports: (String, String?, Int64?, Int64?)...) -> [Int?] {
        var layers = PulledLayers()
        for (status, layer, current, total) in reports {
            layers.add(PullProgress(status: status, layer: layer, current: current, total: total))
        }
        return [layers.bytes.done, layers.bytes.total]
    }

    @Test func layersAreAddedUp() {
        #expect(bytes() == [0, nil])
        #expect(bytes(("Pulling from library/x", nil, nil, nil), ("Waiting", "a", nil, nil)) == [0, nil])
        #expect(bytes(("Downloading", "a", 10, 100), ("Downloading", "b", 5, 50)) == [15, 150])
        #expect(bytes(("Downloading", "a", 10, 100), ("Downloading", "a", 60, 100)) == [60, 100])
        #expect(bytes(("Downloading", "a", 10, 100), ("Download complete", "a", nil, nil)) == [100, 100])
        // The same bytes, extracted.
        #expect(bytes(("Downloading", "a", 100, 100), ("Extracting", "a", 1, 100)) == [100, 100])
    }

    @Test func anEnginesNumbersMayBeAnything() {
        #expect(bytes(("Downloading", "a", -5, 100), ("Downloading", "b", 500, 100)) == [100, 200])
        #expect(bytes(("Downloading", "a", 1, 0), ("Downloading", "b", 1, nil)) == [0, nil])
        let most = Int64.max
        #expect(
            bytes(("Downloading", "a", most, most), ("Downloading", "b", most, most)) == [Int.max, Int.max])
    }
}
#endif
