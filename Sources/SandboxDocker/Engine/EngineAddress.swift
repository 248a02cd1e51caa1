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
        let switches = EngineHost.tlsVariables.filter { value($0) != nil }
        let directory = value("DOCKER_CERT_PATH") ?? value("HOME").map { $0 + "/.docker" }
        let tls = directory.map(TLS.init(directory:)) ?? TLS()
        guard let host = value("DOCKER_HOST") else {
            self = .standard
            return
        }
        let address = try EngineHost(parsing: host, called: "DOCKER_HOST", wantsTLS: !switches.isEmpty)
        if let variable = switches.first, address.refusesTLS {
            throw SandboxError(
                .invalidArgument,
                message: "\(variable) asks for TLS, but DOCKER_HOST is '\(host)', which is without",
                hint: "use tcp:// or https://")
        }
        // https:// alone needs no client certificate, as in other programs.
        let hasFiles = !switches.isEmpty || value("DOCKER_CERT_PATH") != nil
        self.init(Endpoint(address.endpoint), tls: address.needsTLS ? (hasFiles ? tls : TLS()) : nil)
    }

    /// An address as in `DOCKER_HOST`.
    ///
    /// - Parameters:
    ///   - text: `unix:///path`, `tcp://host:port`, `https://host:port`, …
    ///   - tls: for `tcp://` and `https://`; the latter without it trusts the system's authorities.
    /// - Throws: `.invalidArgument`, with the value.
    public init(parsing text: String, tls: TLS? = nil) throws(SandboxError) {
        let address = try EngineHost(parsing: text, called: "the engine's address", wantsTLS: tls != nil)
        if address.refusesTLS {
            throw SandboxError(
                .invalidArgument, message: "'\(text)' is without TLS, but TLS is asked for")
        }
        self.init(Endpoint(address.endpoint), tls: address.needsTLS ? tls ?? TLS() : nil)
    }
}

extension EngineAddress.Endpoint {
    fileprivate init(_ endpoint: EngineHost.Endpoint) {
        switch endpoint {
        case .unix(let path): self = .unix(path: path)
        case .tcp(let host, let port): self = .tcp(host: host, port: port)
        }
    }
}
#endif
