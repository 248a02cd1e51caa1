/// Tests which pool configurations are accepted.

import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite struct PoolConfigurationTests {
    static let valid = [
        PoolConfiguration(),
        PoolConfiguration(minimum: 0, maximum: 1, idleTimeout: nil),
        PoolConfiguration(minimum: 3, maximum: 3, maxAge: .seconds(1), maxUses: .max),
        PoolConfiguration(healthCheckInterval: .milliseconds(1)),
        PoolConfiguration(acquireTimeout: nil),
        PoolConfiguration(initialBackoff: .seconds(1), maximumBackoff: .seconds(1)),
    ]

    static let invalid: [(PoolConfiguration, String)] = [
        (PoolConfiguration(minimum: 0, maximum: 0), "maximum"),
        (PoolConfiguration(maximum: 65_537), "maximum"),
        (PoolConfiguration(minimum: -1), "minimum"),
        (PoolConfiguration(minimum: 9, maximum: 8), "minimum"),
        (PoolConfiguration(idleTimeout: .zero), "idleTimeout"),
        (PoolConfiguration(maxAge: .seconds(-1)), "maxAge"),
        (PoolConfiguration(maxUses: 0), "maxUses"),
        (PoolConfiguration(healthCheckInterval: .zero), "healthCheckInterval"),
        (PoolConfiguration(initialBackoff: .zero), "initialBackoff"),
        (PoolConfiguration(acquireTimeout: .zero), "acquireTimeout"),
        (PoolConfiguration(patience: .zero), "patience"),
        (PoolConfiguration(initialBackoff: .seconds(2), maximumBackoff: .seconds(1)), "initialBackoff"),
    ]

    @Test(arguments: valid) func accepts(_ configuration: PoolConfiguration) throws {
        try configuration.validate()
    }

    @Test(arguments: invalid) func rejects(_ configuration: PoolConfiguration, _ property: String) {
        let error = #expect(throws: SandboxError.self) { try configuration.validate() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(property) == true)
        #expect(error?.hint != nil)
    }
}
