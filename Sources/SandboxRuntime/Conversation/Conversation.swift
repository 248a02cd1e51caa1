/// One conversation under way: it runs the participants, looks at them, and ends them.

import SandboxAPI

/// `ConversationStateMachine` and `StandstillStateMachine` decide; this class acts.
final class Conversation: Sendable {
    private enum Event: Sendable {
        case ended(Int, Result<RunResult?, SandboxError>)
        case graceIsOver(Int)
        case looked(StandstillStateMachine)
        /// A wait was cancelled.
        case gaveUp
    }

    /// The time between two looks at the participants: short against what a deadlock costs otherwise.
    private static let lookInterval = Duration.milliseconds(250)

    /// The same, while a pipe that nobody reads has to be emptied.
    private static let spillInterval = Duration.milliseconds(2)

    let participants: [Participant]
    let sandboxes: [any SandboxLease]
    let plan: ConversationPlan
    let controls: [RunControl]
    let ends: [ProgramEnds]
    /// By participant, for those that are fed through a stream.
    let inputs: [Int: ParticipantInput]
    let log: ConversationLog
    private let relay: PipeRelay?
    private let policy: DeadlockPolicy
    private let over = Locked<Set<Int>>([])
    /// By connection, of those that outlive their reader without a relay.
    private let spilled: [Int: SpilledInput]
    /// The next look comes soon: somebody writes to a participant that has ended.
    private let isSpilling = Locked(false)

    init(
        _ participants: [Participant], _ sandboxes: [any SandboxLease], _ plan: ConversationPlan,
        _ transcript: TranscriptPolicy, _ policy: DeadlockPolicy
    ) throws(SandboxError) {
        let controls = participants.map { _ in RunControl() }
        let ends = participants.map { _ in ProgramEnds() }
        let log = ConversationLog(transcript)
        var inputs: [Int: ParticipantInput] = [:]
        for link in plan.links where link.form == .relayedStream && inputs[link.target] == nil {
            inputs[link.target] = ParticipantInput(sources: plan.sources(of: link.target).count)
        }
        var spilled: [Int: SpilledInput] = [:]
        relay = try Self.connect(
            plan, participants.map(\.limits.output), ends, controls, log, &spilled)
        self.spilled = spilled
        self.participants = participants
        self.sandboxes = sandboxes
        self.plan = plan
        self.policy = policy
        self.controls = controls
        self.ends = ends
        self.log = log
        self.inputs = inputs
    }

    /// Makes the kernel's pipes, and the relay between those that do not lead straight from program to program.
    private static func connect(
        _ plan: ConversationPlan, _ bounds: [Int], _ ends: [ProgramEnds], _ controls: [RunControl],
        _ log: ConversationLog, _ spilled: inout [Int: SpilledInput]
    ) throws(SandboxError) -> PipeRelay? {
        let relay = PipeRelay { event in
            switch event {
            case .moved(let link, let bytes): log.moved(bytes, on: link)
            case .closed(let link, let closing): log.closed(link, by: closing)
            case .exceeded(let link):
                controls[plan.links[link].source].exceed(plan.links[link].connection.stream)
            }
        }
        var targets: Set<Int> = []
        for (number, link) in plan.links.enumerated() where link.form != .relayedStream {
            let pipe = try ConversationPipe()
            if link.connection.endsWithProgram {
                ends[link.source].hold(link.connection.stream, try pipe.writingAgain())
            }
            if link.form == .pipe, link.connection.outlivesReader {
                spilled[number] = SpilledInput(try pipe.readingAgain())
            }
            ends[link.source].setOutput(link.connection.stream, pipe.writing)
            if link.form == .pipe {
                ends[link.target].setInput(pipe.reading)
                continue
            }
            if targets.insert(link.target).inserted {
                let last = try ConversationPipe()
                ends[link.target].setInput(last.reading)
                relay.add(target: link.target, last.writing)
            }
            relay.add(
                link: number, pipe.reading, to: link.target, bound: bounds[link.source],
                outlivesReader: link.connection.outlivesReader)
        }
        return targets.isEmpty ? nil : relay
    }

    // MARK: To the end

    /// Runs all participants to their ends.
    func hold() async throws(ConversationFailure) -> ConversationResult {
        for (participant, sandbox) in zip(participants, sandboxes) {
            do throws(SandboxError) { try await participant.prepare?(sandbox) } catch {
                throw ConversationFailure(participant.name, error)
            }
        }
        if Task.isCancelled { throw ConversationFailure(nil, SandboxError.runCancelled) }
        do throws(SandboxError) { try relay?.start() } catch { throw ConversationFailure(nil, error) }
        let course = await follow()
        // Every process is dead, so all ends are closed but for those that no program took.
        for ends in ends { ends.close() }
        for input in spilled.values { input.close() }
        // What was written last is passed on before it is told.
        await relay?.finish()
        if let failure = course.failure { throw failure }
        return result(course)
    }

    /// What happened, until all had ended.
    private struct Course {
        var machine: ConversationStateMachine
        var still: StandstillStateMachine
        var reports: [ParticipantReport]
        var failure: ConversationFailure?
    }

    private func follow() async -> Course {
        await withTaskGroup(of: Event.self) { group in
            var machine = ConversationStateMachine(
                participants.map {
                    .init(
                        name: $0.name, successCodes: $0.successCodes, grace: $0.grace,
                        isEndedByDeadlock: $0.isEndedByDeadlock)
                })
            var still = StandstillStateMachine(
                connected: Set(plan.links.map(\.target)), participants: participants.count)
            var failure: ConversationFailure?
            var reports = participants.map { ParticipantReport(name: $0.name, endedAfter: .zero) }
            for index in participants.indices {
                group.addTask { .ended(index, await self.run(index)) }
            }
            group.addTask { [still] in await self.look(still) }
            while !machine.isOver, let event = await group.next() {
                var actions: [ConversationStateMachine.Action] = []
                switch event {
                case .ended(let index, let result):
                    let seen = log.elapsed
                    reports[index].endedAfter = seen
                    var ending = ConversationStateMachine.Ending(
                        machineTime: controls[index].endedAt, machine: sandboxes[index].provenance.machine,
                        seenAfter: seen)
                    switch result {
                    case .success(let run):
                        reports[index].result = run
                        ending.outcome = run?.outcome
                        actions = machine.ended(index, ending)
                    case .failure(let error):
                        if failure == nil { failure = ConversationFailure(participants[index].name, error) }
                        actions = machine.ended(index, ending) + machine.broke()
                    }
                case .graceIsOver(let index): actions = machine.graceIsOver(index)
                case .looked(let looked):
                    still = looked
                    if looked.isDeadlock, policy == .end { actions = machine.deadlocked() }
                    // Goes on after a deadlock, too: those that are left may wait for each other once more.
                    group.addTask { [still] in await self.look(still) }
                case .gaveUp: break
                }
                for action in actions {
                    switch action {
                    case .stop(let index): controls[index].stop()
                    case .stopLater(let index, let grace):
                        group.addTask {
                            do { try await Task.sleep(for: grace) } catch { return .gaveUp }
                            return .graceIsOver(index)
                        }
                    }
                }
            }
            group.cancelAll()
            return Course(machine: machine, still: still, reports: reports, failure: failure)
        }
    }

    private func result(_ course: Course) -> ConversationResult {
        let (machine, still) = (course.machine, course.still)
        func waits(_ indices: [Int]) -> [Wait] {
            indices.filter { !plan.sources(of: $0).isEmpty }.map { index in
                Wait(
                    name: participants[index].name,
                    sources: plan.sources(of: index).map { participants[$0].name })
            }
        }
        var reports = course.reports
        for index in reports.indices { reports[index].stopped = machine.stops[index] }
        let connections = plan.links.enumerated().map { number, link in
            ConnectionReport(
                connection: link.connection, form: link.form,
                bytes: link.form == .pipe ? nil : log.bytes(of: number),
                firstToClose: machine.firstToClose(
                    source: link.source, target: link.target, seen: log.closing(of: number)))
        }
        return ConversationResult(
            participants: reports, connections: connections, firstToEnd: machine.firstToEnd,
            firstToFail: machine.firstToFail, waits: waits(still.waiting),
            busy: still.busy.map { participants[$0].name },
            deadlock: still.deadlock.map { Deadlock(waits: waits($0.participants), since: $0.since) },
            transcript: log.transcript)
    }

    // MARK: Looks

    /// Looks at the participants after a while.
    private func look(_ still: StandstillStateMachine) async -> Event {
        var still = still
        let interval = isSpilling.withLock { $0 } ? Self.spillInterval : Self.lookInterval
        do { try await Task.sleep(for: interval) } catch { return .gaveUp }
        var round = StandstillStateMachine.Round(after: log.elapsed)
        let running = over.withLock { over in participants.indices.filter { !over.contains($0) } }
        // What goes through a backend's streams may be under way where nobody sees it.
        round.isQuiet = plan.links.allSatisfy { $0.form != .relayedStream } && relay?.isQuiet ?? true
        var hasSpilled = false
        for (number, input) in spilled where !running.contains(plan.links[number].target) {
            hasSpilled = input.drain() || hasSpilled
        }
        isSpilling.withLock { [hasSpilled] in $0 = hasSpilled }
        for index in running {
            // A task of its own is not cancelled with this one: a slot whose answer nobody takes is given up.
            round.looks[index] = await Task { [control = controls[index]] in await control.look() }.value
        }
        still.take(round, running: running)
        return .looked(still)
    }

    // MARK: Runs

    /// Runs one participant to its end.
    ///
    /// - Returns: `nil` when it was stopped, and its backend has no result of such a run.
    private func run(_ index: Int) async -> Result<RunResult?, SandboxError> {
        let result = await perform(index)
        // A writer to it meets a closed input, also if it was never started; a reader the end of the file. First: a look that
        // no longer counts this one finds its reader awake.
        ends[index].close()
        over.withLock { _ = $0.insert(index) }
        await inputs[index]?.writer.close()
        for number in streamLinks(from: index) { await streamEnded(number) }
        guard case .success(let run?) = result, let collect = participants[index].collect else {
            return result
        }
        do throws(SandboxError) {
            try await collect(sandboxes[index])
            return .success(run)
        } catch {
            return .failure(error)
        }
    }

    private func perform(_ index: Int) async -> Result<RunResult?, SandboxError> {
        let (participant, sandbox) = (participants[index], sandboxes[index])
        let stdin = inputs[index].map { StandardInput.writer($0.writer) } ?? participant.stdin
        let relay = StreamRelay(self, of: index)
        do throws(SandboxError) {
            var result: RunResult
            if let placed = sandbox as? PlacedSandbox {
                let pass: @Sendable (Execution) async -> Void = { await relay.pass($0) }
                result = try await placed.run(
                    participant.command, stdin: stdin, limits: participant.limits, ends: ends[index],
                    control: controls[index], body: streamLinks(from: index).isEmpty ? nil : pass)
            } else {
                result = try await runElsewhere(index, stdin, relay)
            }
            relay.addCollected(to: &result)
            return .success(result)
        } catch {
            let isExpected = controls[index].isStopped && error.code == .cancelled && !Task.isCancelled
            return isExpected ? .success(nil) : .failure(error)
        }
    }

    /// Runs a participant on a backend that is not made of this library's parts.
    private func runElsewhere(
        _ index: Int, _ stdin: StandardInput, _ relay: StreamRelay
    ) async throws(SandboxError) -> RunResult {
        let (participant, sandbox) = (participants[index], sandboxes[index])
        let isStreaming = !streamLinks(from: index).isEmpty
        let run = { @Sendable () async -> Result<RunResult, SandboxError> in
            do {
                guard isStreaming else {
                    return .success(
                        try await sandbox.run(participant.command, stdin: stdin, limits: participant.limits))
                }
                return .success(
                    try await sandbox.run(
                        participant.command, stdin: stdin, limits: participant.limits
                    ) { await relay.pass($0) }.result)
            } catch let error as SandboxError {
                return .failure(error)
            } catch {
                return .failure(SandboxError(.internalError, message: "a run threw \(error)"))
            }
        }
        let task = Task { [control = controls[index]] in
            await RunControl.$current.withValue(control) { await run() }
        }
        controls[index].started(cancelling: { task.cancel() })
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        controls[index].ended()
        return try result.get()
    }

    /// The connections that lead from this participant through its backend's stream.
    func streamLinks(from index: Int) -> [Int] {
        plan.links.indices.filter { plan.links[$0].source == index && plan.links[$0].form == .relayedStream }
    }

    private let ended = Locked<Set<Int>>([])

    /// The writer of a connection through a backend's stream has ended it.
    func streamEnded(_ number: Int) async {
        guard ended.withLock({ $0.insert(number).inserted }) else { return }
        await inputs[plan.links[number].target]?.sourceEnded()
    }
}

extension Provenance {
    /// The machine whose clock the ends of runs are read from; runs on one machine can be compared.
    fileprivate var machine: String {
        switch kind {
        case .local: "local"
        case .docker: "engine \(engine?.id ?? instance)"
        default: instance
        }
    }
}
