import Sandbox
import Testing

/// Runs `body` with a backend of its own, after which nothing of it is in use.
func withLocalBackend(_ body: (LocalBackend) async throws -> Void) async throws {
    let backend = LocalBackend()
    do {
        try await body(backend)
        #expect(backend.statistics.inUse == 0)
    } catch {
        await backend.shutdown()
        throw error
    }
    await backend.shutdown()
}
