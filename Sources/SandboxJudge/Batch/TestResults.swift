/// The results of a batch as they come.

#if Judge
import SandboxRuntime

/// The results of tests; see ``Judge/judge(_:)``.
public struct TestResults: AsyncSequence, Sendable {
    public typealias Element = TestResult
    public typealias Failure = SandboxError

    private let start: @Sendable () -> Batch

    init<Tests: Sequence<TestCase> & Sendable>(judge: Judge, tests: Tests) {
        start = { Batch(judge, tests) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(start) }

    /// One batch. Cancelled when it is dropped before its end.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let start: @Sendable () -> Batch
        private var batch: Batch?
        private var isOver = false

        init(_ start: @escaping @Sendable () -> Batch) { self.start = start }

        /// The next result; `nil` after the last one.
        ///
        /// - Throws: `.cancelled` when the task was cancelled, and then nothing of the batch is left; `.invalidArgument` for
        ///   two tests of one name, or ``Judge/jobs`` below 1.
        public mutating func next() async throws(SandboxError) -> TestResult? {
            if isOver { return nil }
            let batch = batch ?? start()
            self.batch = batch
            do throws(SandboxError) {
                if let result = try await batch.next() { return result }
            } catch {
                isOver = true
                throw error
            }
            isOver = true
            return nil
        }

        /// The same, for a caller on an actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SandboxError) -> TestResult? {
            try await next()
        }

        /// Ends the batch, and waits until nothing of it is left.
        mutating func cancel() async {
            isOver = true
            await batch?.cancel()
        }
    }
}

/// A batch under way: a task that runs tests, and the channel of their results.
final class Batch: Sendable {
    private let channel: ResultChannel
    private let task: Task<Void, Never>

    init<Tests: Sequence<TestCase> & Sendable>(_ judge: Judge, _ tests: Tests) {
        let channel = ResultChannel(capacity: max(1, judge.jobs))
        self.channel = channel
        task = Task {
            var driver = BatchDriver(judge, channel)
            channel.finish(await driver.run(tests))
        }
    }

    deinit {
        channel.close()
        task.cancel()
    }

    func next() async throws(SandboxError) -> TestResult? {
        let result: Result<TestResult?, SandboxError> = await withTaskCancellationHandler {
            do throws(SandboxError) { return .success(try await channel.next()) } catch {
                return .failure(error)
            }
        } onCancel: {
            channel.close()
            task.cancel()
        }
        if Task.isCancelled {
            await cancel()
            throw Judge.cancelled
        }
        return try result.get()
    }

    /// Waits until the batch's task has ended, with all its children.
    func cancel() async {
        channel.close()
        task.cancel()
        await task.value
    }
}

/// Acts for the state machine: starts and cancels tests, and sends their results.
private struct BatchDriver {
    private let judge: Judge
    private let channel: ResultChannel
    private var machine: BatchStateMachine
    private var tasks: [Int: Task<TestResult?, Never>] = [:]
    private var names: Set<String> = []
    private var progress = BatchProgress(tests: 0, running: 0, ended: 0, failed: 0)

    init(_ judge: Judge, _ channel: ResultChannel) {
        self.judge = judge
        self.channel = channel
        machine = BatchStateMachine(jobs: judge.jobs, stopsAtFirstFailure: judge.stopsAtFirstFailure)
    }

    /// Runs the tests; when it returns, none is under way.
    mutating func run(_ tests: some Sequence<TestCase>) async -> Result<Void, SandboxError> {
        guard judge.jobs > 0 else {
            return .failure(
                SandboxError(
                    .invalidArgument, message: "a batch with \(judge.jobs) jobs runs no test",
                    hint: "give 1 or more"))
        }
        progress.tests = tests.underestimatedCount
        return await withTaskGroup(of: (Int, TestResult?).self) { group in
            var iterator = tests.makeIterator()
            var failure: SandboxError?
            while true {
                while failure == nil, !Task.isCancelled, machine.canStart {
                    guard let test = iterator.next() else {
                        machine.exhausted()
                        break
                    }
                    guard names.insert(test.name).inserted else {
                        failure = Self.repeated(test.name)
                        group.cancelAll()
                        break
                    }
                    start(test, in: &group)
                }
                guard let (index, result) = await group.next() else { break }
                let deliveries = ended(index, result)
                for index in deliveries.cancelled { tasks[index]?.cancel() }
                for result in deliveries.results where failure == nil {
                    guard await channel.send(result) else {
                        failure = Judge.cancelled
                        group.cancelAll()
                        break
                    }
                }
            }
            if let failure { return .failure(failure) }
            return Task.isCancelled ? .failure(Judge.cancelled) : .success(())
        }
    }

    private mutating func start(_ test: TestCase, in group: inout TaskGroup<(Int, TestResult?)>) {
        let index = machine.start()
        let judge = judge
        // A task of its own, so that it can be cancelled alone; the group's child waits for its end.
        let task = Task { try? await judge.judge(test, index: index) }
        tasks[index] = task
        group.addTask {
            await withTaskCancellationHandler {
                (index, await task.value)
            } onCancel: {
                task.cancel()
            }
        }
        report()
    }

    private mutating func ended(_ index: Int, _ result: TestResult?) -> BatchStateMachine.Deliveries {
        tasks[index] = nil
        let deliveries = machine.ended(index, result)
        progress.ended += 1
        if let result, result.verdict != .accepted { progress.failed += 1 }
        report()
        return deliveries
    }

    private mutating func report() {
        progress.tests = max(progress.tests, machine.started)
        progress.running = machine.runningTests
        judge.progress?(progress)
    }

    private static func repeated(_ name: String) -> SandboxError {
        SandboxError(
            .invalidArgument, message: "two tests of the batch have the name \(Validation.quoted(name))",
            hint: "give each test a name of its own")
    }
}
#endif
