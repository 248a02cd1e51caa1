/// Reads the Docker backend's configuration from environment variables. Pure.

#if Docker
import SandboxAPI
import SandboxRuntime

extension DockerConfiguration {
    /// The defaults, changed by these variables. A missing or empty variable changes nothing.
    ///
    /// | variable | |
    /// | --- | --- |
    /// | `POOL_MIN_SIZE` | containers kept ready: 0 to 65,536, at most `POOL_MAX_SIZE`. The default gives way to a smaller `POOL_MAX_SIZE` |
    /// | `POOL_MAX_SIZE` | containers at one time: 1 to 65,536 |
    /// | `POOL_MAX_CONTAINER_AGE_MS` | how old a container gets, in milliseconds, up to a year |
    /// | `POOL_MAX_USES` | how many callers a container serves, 1 or more |
    /// | `POOL_MAINTENANCE_INTERVAL_MS` | how often idle containers are checked, and leftovers looked for |
    /// | `ENABLE_CONTAINER_POOL` | `true`, `1`, `yes`, or `false`, `0`, `no`: a fresh container each time |
    /// | `SANDBOX_IMAGE` | the image where none is named, of every language |
    /// | `SANDBOX_IMAGE_CPP`, `SANDBOX_IMAGE_PYTHON` | the same for one language |
    /// | `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH` | where the engine is, as for `docker` |
    ///
    /// - Throws: `.invalidArgument`, with the variable, its value, and what is accepted.
    public init(environment: [String: String]) throws(SandboxError) {
        self.init()
        let variables = Variables(environment)
        let (minimum, maximum) = (try variables.minimum(), try variables.maximum())
        pool.maximum = maximum ?? pool.maximum
        pool.minimum = minimum ?? min(pool.minimum, pool.maximum)
        guard pool.minimum <= pool.maximum else {
            throw SandboxError(
                .invalidArgument,
                message: "POOL_MIN_SIZE is \(pool.minimum), which is more than POOL_MAX_SIZE, "
                    + "\(pool.maximum)" + (maximum == nil ? " by default" : ""),
                hint: "lower POOL_MIN_SIZE or raise POOL_MAX_SIZE")
        }
        if let age = try variables.milliseconds("POOL_MAX_CONTAINER_AGE_MS") { pool.maxAge = age }
        if let uses = try variables.number("POOL_MAX_USES", 1...Int.max) { pool.maxUses = uses }
        if let interval = try variables.milliseconds("POOL_MAINTENANCE_INTERVAL_MS") {
            pool.healthCheckInterval = interval
            reconcileInterval = interval
        }
        if let isEnabled = try variables.flag("ENABLE_CONTAINER_POOL") { isPoolEnabled = isEnabled }
        if let name = variables["SANDBOX_IMAGE"] {
            guard Self.isImageName(name) else {
                throw variables.bad("SANDBOX_IMAGE", name, "an image's name such as 'cpp-runner:latest'")
            }
            image = name
            images = [:]  // didSet is not called in an initializer
        }
        for language in Language.allCases {
            let variable = "SANDBOX_IMAGE_\(language.rawValue.uppercased())"
            guard let name = variables[variable] else { continue }
            guard Self.isImageName(name) else {
                throw variables.bad(variable, name, "an image's name such as 'python-runner:latest'")
            }
            images[language] = name
        }
        engineHost = variables["DOCKER_HOST"]
        engineTLSVerify = variables["DOCKER_TLS_VERIFY"]
        engineCertificates = variables["DOCKER_CERT_PATH"]
    }
}

private struct Variables {
    private static let sizes = 65_536
    /// A year.
    private static let longest = 365 * 24 * 60 * 60 * 1000

    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    subscript(name: String) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        return value
    }

    func minimum() throws(SandboxError) -> Int? { try number("POOL_MIN_SIZE", 0...Self.sizes) }

    func maximum() throws(SandboxError) -> Int? { try number("POOL_MAX_SIZE", 1...Self.sizes) }

    func milliseconds(_ name: String) throws(SandboxError) -> Duration? {
        try number(name, 1...Self.longest).map { .milliseconds($0) }
    }

    /// Decimal digits and nothing else: no sign, no space, no digits of other scripts.
    func number(_ name: String, _ range: ClosedRange<Int>) throws(SandboxError) -> Int? {
        guard let text = self[name] else { return nil }
        let isDigits = text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard isDigits, let number = Int(text), range.contains(number) else {
            let upper = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
            throw bad(name, text, "a whole number, \(range.lowerBound) \(upper)")
        }
        return number
    }

    func flag(_ name: String) throws(SandboxError) -> Bool? {
        guard let text = self[name] else { return nil }
        switch text.lowercased() {
        case "true", "1", "yes": return true
        case "false", "0", "no": return false
        default: throw bad(name, text, "true, 1 or yes, or false, 0 or no")
        }
    }

    func bad(_ name: String, _ value: String, _ accepted: String) -> SandboxError {
        SandboxError(
            .invalidArgument, message: "the environment variable \(name) is '\(Self.quotable(value))'",
            hint: "give \(accepted), or unset it")
    }

    /// The text on one line, shortened, for a message.
    private static func quotable(_ text: String) -> String {
        let plain = text.unicodeScalars.prefix(100).map { scalar in
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            return isControl || [0x2028, 0x2029].contains(scalar.value)
                ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return plain.joined() + (text.unicodeScalars.count > 100 ? "…" : "")
    }
}
#endif
