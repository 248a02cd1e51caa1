/// The engine's requests about volumes.

#if Docker
import NIOCore
import NIOHTTP1

/// The requests of an ``EngineClient`` about volumes.
package struct EngineVolumes: Sendable {
    let client: EngineClient

    /// Makes a volume; no error if there is one of that name.
    @discardableResult
    package func create(
        _ name: String, labels: [String: String] = [:]
    ) async throws(EngineError) -> VolumeSummary {
        struct Volume: Encodable {
            var name: String
            var labels: [String: String]

            enum CodingKeys: String, CodingKey {
                case name = "Name"
                case labels = "Labels"
            }
        }
        var request = EngineRequest(
            method: .POST, path: "/volumes/create", patience: .total(client.timeouts.answer),
            isRepeatable: true)
        request.body = .bytes(
            try EngineJSON.encode(Volume(name: name, labels: labels), operation: request.operation),
            type: "application/json")
        return try await client.decoded(VolumeSummary.self, request)
    }

    /// Removes a volume; no error if it is gone already.
    ///
    /// - Throws: `.refused(status: 409)` if a container uses it.
    package func remove(_ name: String, force: Bool = true) async throws(EngineError) {
        var request = EngineRequest(
            method: .DELETE, path: "/volumes/\(EngineRequest.segment(name))",
            patience: .total(client.timeouts.answer), isRepeatable: true)
        request.query = [("force", force ? "1" : "0")]
        try await client.send(request, successes: [404])
    }

    /// The volumes with all of `labels`; an empty value stands for any.
    package func list(labels: [String: String] = [:]) async throws(EngineError) -> [VolumeSummary] {
        struct List: Decodable {
            var volumes: [VolumeSummary]?

            enum CodingKeys: String, CodingKey { case volumes = "Volumes" }
        }
        var request = EngineRequest(
            method: .GET, path: "/volumes", patience: .total(client.timeouts.answer), isRepeatable: true)
        request.query = [("filters", try EngineFilters.labels(labels, operation: request.operation))]
        return try await client.decoded(List.self, request).volumes ?? []
    }
}
#endif
