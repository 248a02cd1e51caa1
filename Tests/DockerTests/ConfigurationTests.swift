/// Tests how the environment's variables change the Docker backend's configuration, and which values are
/// refused.

#if Docker
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite struct ConfigurationTests {
    @Test func eachLanguageHasAnImage() throws {
        #expect(DockerConfiguration().images == ["python": "python-runner"])
        let one = try DockerConfiguration(environment: ["SANDBOX_IMAGE": "mine"])
        #expect(one.image == "mine" && one.images.isEmpty)
        let two = try DockerConfiguration(
            environment: ["SANDBOX_IMAGE": "mine", "SANDBOX_IMAGE_PYTHON": "snake:3"])
        #expect(two.image == "mine" && two.images == ["python": "snake:3"])
        let error = #expect(throws: SandboxError.self) {
            try DockerConfiguration(environment: ["SANDBOX_IMAGE_CPP": "-x"])
        }
        #expect(error?.message.contains("SANDBOX_IMAGE_CPP") == true)
    }

    @Test func theDefaultsAreValidAndAsDocumented() throws {
        let configuration = try DockerConfiguration(environment: [:])
        try configuration.validate()
        let pool = PoolConfiguration(
            minimum: 2, maximum: 5, idleTimeout: .seconds(120), maxAge: .seconds(1800), maxUses: 100,
            healthCheckInterval: .seconds(300))
        #expect(configuration.pool == pool && configuration.effectivePool == pool)
        #expect(configuration.isPoolEnabled && configuration.pullPolicy == .missing)
        #expect(configuration.image == "cpp-runner" && configuration.engineEnvironment.isEmpty)
        #expect(configuration.reconcileInterval == .seconds(300))
    }

    @Test func everyVariableIsRead() throws {
        let configuration = try DockerConfiguration(environment: [
            "POOL_MIN_SIZE": "3", "POOL_MAX_SIZE": "9", "POOL_MAX_CONTAINER_AGE_MS": "1500",
            "POOL_MAX_USES": "7", "POOL_MAINTENANCE_INTERVAL_MS": "60000",
            "SANDBOX_IMAGE": "x/y:1@sha256:00",
            "DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c", "OTHER": "-",
        ])
        #expect(configuration.pool.minimum == 3 && configuration.pool.maximum == 9)
        #expect(configuration.pool.maxAge == .milliseconds(1500) && configuration.pool.maxUses == 7)
        #expect(configuration.pool.healthCheckInterval == .seconds(60))
        #expect(configuration.reconcileInterval == .seconds(60))
        #expect(configuration.image == "x/y:1@sha256:00")
        #expect(
            configuration.engineEnvironment
                == ["DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"])
    }

    @Test func emptyValuesCountAsUnset() throws {
        let names = [
            "POOL_MIN_SIZE", "POOL_MAX_SIZE", "POOL_MAX_CONTAINER_AGE_MS", "POOL_MAX_USES",
            "POOL_MAINTENANCE_INTERVAL_MS", "ENABLE_CONTAINER_POOL", "SANDBOX_IMAGE", "DOCKER_HOST",
            "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
        ]
        let configuration = try DockerConfiguration(
            environment: Dictionary(uniqueKeysWithValues: names.map { ($0, "") }))
        #expect(configuration.pool == DockerConfiguration().pool && configuration.isPoolEnabled)
        #expect(configuration.image == "cpp-runner" && configuration.engineEnvironment.isEmpty)
    }

    @Test(arguments: [
        ("true", true), ("TRUE", true), ("1", true), ("yes", true), ("false", false), ("0", false),
        ("No", false),
    ])
    func flags(_ text: String, _ isEnabled: Bool) throws {
        let configuration = try DockerConfiguration(environment: ["ENABLE_CONTAINER_POOL": text])
        #expect(configuration.isPoolEnabled == isEnabled)
    }

    @Test func withoutThePoolEachContainerIsFresh() throws {
        let configuration = try DockerConfiguration(environment: [
            "ENABLE_CONTAINER_POOL": "false", "POOL_MAX_SIZE": "4",
        ])
        let pool = configuration.effectivePool
        #expect(pool.minimum == 0 && pool.maxUses == 1 && pool.maximum == 4)
        #expect(pool.healthCheckInterval == nil)
    }

    static let refused: [(name: String, value: String)] =
        ["POOL_MIN_SIZE", "POOL_MAX_SIZE", "POOL_MAX_CONTAINER_AGE_MS", "POOL_MAX_USES"].flatMap { name in
            [
                "-1", "+1", " 1", "1 ", "1\n", "1.5", "1e3", "0x10", "1_000", "1,000", "two", "٣", "１",
                "½",
                "99999999999999999999999999", "9223372036854775808", "\u{0}1", "NaN", "1;2",
            ].map { (name, $0) }
        } + [
            ("POOL_MAX_SIZE", "0"), ("POOL_MAX_SIZE", "65537"), ("POOL_MIN_SIZE", "65537"),
            ("POOL_MAX_CONTAINER_AGE_MS", "0"), ("POOL_MAX_CONTAINER_AGE_MS", "31536000001"),
            ("POOL_MAX_USES", "0"), ("POOL_MAINTENANCE_INTERVAL_MS", "0"),
            ("ENABLE_CONTAINER_POOL", "on"), ("ENABLE_CONTAINER_POOL", " true"),
            ("ENABLE_CONTAINER_POOL", "truе"), ("ENABLE_CONTAINER_POOL", "2"),
            ("SANDBOX_IMAGE", "a b"), ("SANDBOX_IMAGE", "a\n"), ("SANDBOX_IMAGE", "-rm"),
            ("SANDBOX_IMAGE", "bïld"), ("SANDBOX_IMAGE", String(repeating: "a", count: 513)),
        ]

    @Test(arguments: refused) func refuses(_ name: String, _ value: String) throws {
        let error = try #require(
            #expect(throws: SandboxError.self) { try DockerConfiguration(environment: [name: value]) })
        #expect(error.code == .invalidArgument && error.message.contains(name))
        #expect(error.hint?.contains("give ") == true)
        if value.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) {
            #expect(error.message.contains("'\(value.prefix(100))"))
        }
        #expect(
            !error.message.unicodeScalars.contains { $0.value < 0x20 }, "one line, no control characters")
        #expect(error.message.count < 250)
    }

    @Test func aMinimumAboveTheMaximumNamesBoth() throws {
        for environment in [["POOL_MIN_SIZE": "5", "POOL_MAX_SIZE": "4"], ["POOL_MIN_SIZE": "6"]] {
            let error = try #require(
                #expect(throws: SandboxError.self) { try DockerConfiguration(environment: environment) })
            #expect(error.code == .invalidArgument)
            for text in [error.message, error.hint ?? ""] {
                #expect(text.contains("POOL_MIN_SIZE") && text.contains("POOL_MAX_SIZE"))
            }
        }
    }

    @Test func aSmallMaximumTakesTheDefaultMinimumWithIt() throws {
        let pool = try DockerConfiguration(environment: ["POOL_MAX_SIZE": "1"]).pool
        #expect(pool.minimum == 1 && pool.maximum == 1)
    }

    @Test func whatCodeSetsIsCheckedToo() {
        func refuses(_ change: (inout DockerConfiguration) -> Void, _ word: String) {
            var configuration = DockerConfiguration()
            change(&configuration)
            let error = #expect(throws: SandboxError.self) { try configuration.validate() }
            #expect(error?.code == .invalidArgument && error?.message.contains(word) == true)
        }
        refuses({ $0.image = "" }, "image")
        refuses({ $0.reconcileInterval = .zero }, "reconcileInterval")
        refuses({ $0.runDeadlineGrace = .zero }, "runDeadlineGrace")
        refuses({ $0.pool.maximum = 0 }, "maximum")
    }
}
#endif
