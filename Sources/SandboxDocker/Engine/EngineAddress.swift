/// The address of an engine, from the usual variables.

#if Docker
import SandboxAPI
import SandboxRuntime

/// The address of an engine: a socket of this host, or a TCP port with or without TLS.
public struct EngineAddress: Sendable, Hashable, CustomStringConvertible {
    /// The socket or port to connect to.
    public enum Endpoint: Sendable, Hashable {
        case unix(path: String)
        /// An IPv6 address is without brackets.
        case tcp(host: String, port: Int)
    }

    /// The files of a TLS connection. The engine's certificate is always verified.
    public struct TLS: Sendable, Hashable {
        /// The certificates of the authorities that may have signed the engine's; nil for those of the
        /// system.
        public var authorities: String?
        /// This side's certificate; nil if the engine requires none.
        public var certificate: String?
        /// The key of ``certificate``.
        public var key: String?

        public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
            self.authorities = authorities
            self.certificate = certificate
            self.key = key
        }

        /// The files of a directory as in `DOCKER_CERT_PATH`: `ca.pem`, `cert.pem` and `key.pem`.
        public init(directory: String) {
            let directory = directory.hasSuffix("/") ? directory : directory + "/"
            self.init(
                authorities: directory + "ca.pem", certificate: directory + "cert.pem",
                key: directory + "key.pem")
        }
    }

    /// The usual socket of a host's own engine.
    public static let standard = EngineAddress(.unix(path: DockerConfiguration.usualSocket))

    public var endpoint: Endpoint
    /// nil for a connection without TLS.
    public var tls: TLS?

    public init(_ endpoint: Endpoint, tls: TLS? = nil) {
        self.endpoint = endpoint
        self.tls = tls
    }

    /// As in `DOCKER_HOST`.
    public var description: String {
        switch endpoint {
        case .unix(let path): "unix://\(path)"
        case .tcp(let host, let port):
            (tls == nil ? "tcp" : "https") + "://" + (host.contains(":") ? "[\(host)]" : host)
                + ":\(port)"
        }
    }
}

extension EngineAddress {
    /// The engine that `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` name.
    ///
    /// Reads nothing but `environment`. Unlike Docker's own command it has no TLS without verification for
    /// `DOCKER_TLS`: either variable turns verified TLS on.
    /// - Throws: `.invalidArgument`, with the variable and its value.
    public init(environment: [String: String]) throws(SandboxError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let switches = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"].filter { value($0) != nil }
        let directory = value("DOCKER_CERT_PATH") ?? value("HOME").map { $0 + "/.docker" }
        let tls = directory.map(TLS.init(directory:)) ?? TLS()
        guard let host = value("DOCKER_HOST") else {
            self = .standard
            return
        }
        let address = try Self.parse(host, called: "DOCKER_HOST", wantsTLS: !switches.isEmpty)
        if let variable = switches.first, host.hasPrefix("http://") {
            throw SandboxError(
                .invalidArgument,
                message: "\(variable) asks for TLS, but DOCKER_HOST is '\(host)', which is without",
                hint: "use tcp:// or https://")
        }
        // https:// alone needs no client certificate, as in other programs.
        let hasFiles = !switches.isEmpty || value("DOCKER_CERT_PATH") != nil
        self.init(address.endpoint, tls: address.needsTLS ? (hasFiles ? tls : TLS()) : nil)
    }

    /// An address as in `DOCKER_HOST`.
    ///
    /// - Parameters:
    ///   - text: `unix:///path`, `tcp://host:port`, `https://host:port`, …
    ///   - tls: for `tcp://` and `https://`; the latter without it trusts the system's authorities.
    /// - Throws: `.invalidArgument`, with the value.
    public init(parsing text: String, tls: TLS? = nil) throws(SandboxError) {
        let address = try Self.parse(text, called: "the engine's address", wantsTLS: tls != nil)
        if tls != nil, text.hasPrefix("http://") {
            throw SandboxError(
                .invalidArgument, message: "'\(text)' is without TLS, but TLS is asked for")
        }
        self.init(address.endpoint, tls: address.needsTLS ? tls ?? TLS() : nil)
    }

    private static func parse(
        _ text: String, called name: String, wantsTLS: Bool
    ) throws(SandboxError) -> (endpoint: Endpoint, needsTLS: Bool) {
        func fail(_ reason: String) -> SandboxError {
            SandboxError(.invalidArgument, message: "\(name) is '\(text)': \(reason)")
        }
        let schemes = "unix://, tcp://, http:// and https:// are"
        guard let colon = text.range(of: "://") else {
            throw fail("there is no scheme; \(schemes) known")
        }
        let rest = String(text[colon.upperBound...])
        switch String(text[..<colon.lowerBound]) {
        case "unix":
            // The kernel's limit, sun_path with its NUL.
            guard rest.hasPrefix("/"), rest.utf8.count <= 107, !rest.utf8.contains(0) else {
                throw fail("a socket's path is absolute and has at most 107 bytes")
            }
            return (.unix(path: rest), false)
        case "tcp": return (try tcp(rest, secure: wantsTLS, fail), wantsTLS)
        case "http": return (try tcp(rest, secure: false, fail), false)
        case "https": return (try tcp(rest, secure: true, fail), true)
        case let scheme: throw fail("\(scheme):// is not supported, \(schemes)")
        }
    }

    private static func tcp(
        _ text: String, secure: Bool, _ fail: (String) -> SandboxError
    ) throws(SandboxError) -> Endpoint {
        var text = Substring(text)
        if text.last == "/" { text.removeLast() }
        guard !text.contains(where: { "/?#@".contains($0) }) else {
            throw fail("only a host and a port are supported")
        }
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw fail("the bracket is not closed") }
            host = text[text.index(after: text.startIndex)..<end]
            let behind = text[text.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { throw fail("a port comes after a colon") }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw fail("there is no host")
        }
        guard let port else { return .tcp(host: String(host), port: secure ? 2376 : 2375) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65535).contains(number)
        else { throw fail("a port is a number from 1 to 65535") }
        return .tcp(host: String(host), port: number)
    }
}

extension String {
    /// The first occurrence of `other`, found by its bytes.
    fileprivate func range(of other: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) {
                return start..<index(start, offsetBy: other.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
#endif
