/// Does work on many elements, so many at a time, and keeps their order.

#if Judge
/// Maps elements with bounded concurrency.
///
/// - Parameters:
///   - jobs: at most so many at a time.
///   - isLast: whether the results of later elements do not count. Those that run then end, and are dropped; no more are
///     started.
///   - ended: called with the number of results after each.
/// - Returns: the results in the order of the elements, up to the first for which `isLast` holds.
func boundedMap<Element: Sendable, Value: Sendable>(
    _ elements: [Element], jobs: Int, until isLast: (Value) -> Bool = { _ in false },
    ended: (Int) -> Void = { _ in }, _ transform: @escaping @Sendable (Element) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        var results: [Int: Value] = [:]
        var next = 0
        var end = elements.count
        func start() {
            guard next < end else { return }
            let (index, element) = (next, elements[next])
            group.addTask { (index, try await transform(element)) }
            next += 1
        }
        for _ in 0..<max(1, jobs) { start() }
        while let (index, value) = try await group.next() {
            if isLast(value) { end = min(end, index + 1) }
            results[index] = value
            ended(results.count)
            start()
        }
        return (0..<end).compactMap { results[$0] }
    }
}
#endif
