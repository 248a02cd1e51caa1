/// Tests which owners count as dead, and what is removed: tables, without an engine.

#if Docker
import Glibc
import Testing

@testable import SandboxDocker

@Suite("Owners") struct OwnerTests {
    private static let here = "boot-4026531836"
    private static let owner = ContainerOwner(host: here, pid: 100, start: 5000, backend: 1)

    struct LifeCase: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var owner = OwnerTests.owner
        var startTimes: [Int32: UInt64]
        var life: ContainerOwner.Life
    }

    static let lives = [
        LifeCase(testDescription: "lives", startTimes: [100: 5000], life: .lives),
        LifeCase(testDescription: "is gone", startTimes: [:], life: .dead),
        LifeCase(testDescription: "its number is another's now", startTimes: [100: 5002], life: .dead),
        LifeCase(testDescription: "others live", startTimes: [101: 5000], life: .dead),
        LifeCase(
            testDescription: "another host or boot, where the number is free",
            owner: .init(host: "other-4026531836", pid: 100, start: 5000, backend: 1), startTimes: [:],
            life: .unknown),
        LifeCase(
            testDescription: "another pid namespace of this boot",
            owner: .init(host: "boot-4026532000", pid: 100, start: 5000, backend: 1),
            startTimes: [100: 5000], life: .unknown),
    ]

    @Test(arguments: lives) func life(_ example: LifeCase) {
        #expect(example.owner.life(seenFrom: Self.here) { example.startTimes[$0] } == example.life)
    }

    @Test func volumesOfTwoHostsAreTwo() {
        let elsewhere = ContainerOwner(host: "other-4026531836", pid: 100, start: 5000, backend: 1)
        #expect(Self.owner.volumeName != elsewhere.volumeName)
        #expect(Self.owner.volumeName.hasPrefix("swift-sandbox-100-5000-1-"))
    }

    @Test func labelsComeBackAsTheyWere() {
        let labels = Self.owner.labels(.sandbox, pool: "image, readOnly")
        #expect(ContainerOwner(labels: labels) == Self.owner)
        #expect(
            Set(labels.keys)
                == [
                    "swift-sandbox.host", "swift-sandbox.pid", "swift-sandbox.birth",
                    "swift-sandbox.backend",
                    "swift-sandbox.pool", "swift-sandbox.purpose", "swift-sandbox.version",
                    "swift-sandbox.created", "swift-sandbox.engine",
                ])
        #expect(
            labels["swift-sandbox.purpose"] == "sandbox"
                && labels["swift-sandbox.pool"] == "image, readOnly")
    }

    @Test(
        arguments: [
            (ContainerOwner.hostLabel, nil), (ContainerOwner.pidLabel, nil),
            (ContainerOwner.pidLabel, ""),
            (ContainerOwner.pidLabel, "0"), (ContainerOwner.pidLabel, "-1"),
            (ContainerOwner.pidLabel, "1x"),
            (ContainerOwner.pidLabel, "99999999999"), (ContainerOwner.birthLabel, nil),
            (ContainerOwner.birthLabel, "-1"), (ContainerOwner.birthLabel, "soon"),
            (ContainerOwner.backendLabel, nil),
            (ContainerOwner.backendLabel, "one"),
        ] as [(String, String?)])
    func labelsThatAreNotOursAreNobodys(label: String, value: String?) {
        var labels = Self.owner.labels(.sandbox, pool: "")
        labels[label] = value
        #expect(ContainerOwner(labels: labels) == nil)
        #expect(
            !Reconciler.isLeftBehind(
                .init(labels: labels, age: .max, isUsed: false), own: nil, here: Self.here
            ) { _ in nil })
    }

    struct LeftCase: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var owner = OwnerTests.owner
        var age: Int64 = 1_000_000
        var isKnown = false
        var isUsed = false
        var unknownFor = Duration.zero
        var hasEnded = false
        var own: ContainerOwner?
        var isAlive: Bool
        var isLeftBehind: Bool
    }

    private static let neighbour = ContainerOwner(host: here, pid: 100, start: 5000, backend: 2)

    /// Also one before a reboot.
    private static let elsewhere = ContainerOwner(host: "other", pid: 100, start: 1, backend: 1)

    static let left = [
        LeftCase(testDescription: "a dead owner's", isAlive: false, isLeftBehind: true),
        LeftCase(testDescription: "a dead owner's, young", age: 0, isAlive: false, isLeftBehind: true),
        LeftCase(testDescription: "a living owner's", isAlive: true, isLeftBehind: false),
        LeftCase(
            testDescription: "another backend's of this process", own: neighbour, isAlive: true,
            isLeftBehind: false),
        LeftCase(
            testDescription: "another host's, in use", owner: elsewhere, isUsed: true, isAlive: false,
            isLeftBehind: false),
        LeftCase(
            testDescription: "another host's, unused since today", owner: elsewhere,
            age: Reconciler.desertion, isAlive: false, isLeftBehind: false),
        LeftCase(
            testDescription: "another host's, unused for longer", owner: elsewhere,
            age: Reconciler.desertion + 1, isAlive: false, isLeftBehind: true),
        LeftCase(
            testDescription: "own, known", isKnown: true, own: owner, isAlive: true, isLeftBehind: false),
        LeftCase(
            testDescription: "own, unknown for long", age: -3600,
            unknownFor: Reconciler.youth + .seconds(1), own: owner, isAlive: true, isLeftBehind: true),
        // The engine's clock does not matter: it may be ahead, or have jumped.
        LeftCase(
            testDescription: "own, unknown, just seen", unknownFor: Reconciler.youth, own: owner,
            isAlive: true, isLeftBehind: false),
        LeftCase(
            testDescription: "a backend's of this process that was shut down", hasEnded: true,
            own: neighbour, isAlive: true, isLeftBehind: true),
    ]

    @Test(arguments: left) func whatIsLeftBehind(_ example: LeftCase) {
        let isLeft = Reconciler.isLeftBehind(
            .init(
                labels: example.owner.labels(.sandbox, pool: ""), age: example.age,
                isUsed: example.isUsed, isKnown: example.isKnown, unknownFor: example.unknownFor),
            own: example.own, here: Self.here, hasEnded: { _ in example.hasEnded },
            startTime: { _ in example.isAlive ? 5000 : nil })
        #expect(isLeft == example.isLeftBehind)
    }

    /// An engine's messages when it does not start a container: worth another try, or the engine's own
    /// failure.
    @Test func refusedStarts() {
        let trouble =
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: no space left on device"
        #expect(!StartFailure.isLoss(status: 500, message: trouble))
        #expect(!StartFailure.isLoss(status: 400, message: trouble))
        #expect(!StartFailure.isLoss(status: nil, message: "no answer within 2 s"))
        #expect(StartFailure.isLoss(status: 404, message: "No such container: abc"))
        #expect(
            StartFailure.isLoss(
                status: 409, message: "container is marked for removal and cannot be started"))
        #expect(
            StartFailure.isLoss(
                status: 400,
                message: "exec: \"/.swift-sandbox/agent\": stat /.swift-sandbox/agent: no such file"))
    }

    @Test func facts() {
        let own = ContainerOwner.current(backend: 7)
        #expect(own.pid == getpid() && own.start > 0 && own.backend == 7 && own.host.count > 40)
        #expect(own.life(seenFrom: ProcessFacts.host, startTime: ProcessFacts.startTime) == .lives)
        #expect(ProcessFacts.startTime(of: Int32.max) == nil)
    }
}
#endif
