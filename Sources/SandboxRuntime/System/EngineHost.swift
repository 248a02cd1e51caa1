/// Where an engine listens, as `DOCKER_HOST` says it; from the text alone.

package import SandboxAPI

/// The address of an engine, as `docker` takes it.
package struct EngineHost: Sendable, Hashable {
    package enum Endpoint: Sendable, Hashable {
        case unix(path: String)
        /// An IPv6 address is without brackets.
        case tcp(host: String, port: Int)
    }

    /// The socket of a system's own engine.
    package static let usualSocket = "/var/run/docker.sock"
    /// The variables that, when they are not empty, ask for TLS.
    package static let tlsVariables = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"]

    package var endpoint: Endpoint
    package var needsTLS: Bool
    /// TLS was asked for, and the address is one without: `http://`.
    package var refusesTLS = false

    /// - Parameters:
    ///   - text: `unix:///path`, `tcp://host:port`, `https://host:port`, …
    ///   - name: of the value, for errors.
    ///   - wantsTLS: for `tcp://`; a socket of this host is always without, `https://` always with.
    /// - Throws: `.invalidArgument`, with the name and the value.
    package init(parsing text: String, called name: String, wantsTLS: Bool) throws(SandboxError) {
        do throws(Reason) {
            try self.init(text, wantsTLS: wantsTLS)
        } catch {
            throw SandboxError(.invalidArgument, message: "\(name) is '\(text)': \(error.text)")
        }
    }

    private struct Reason: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private init(_ text: String, wantsTLS: Bool) throws(Reason) {
        let schemes = "unix://, tcp://, http:// and https:// are"
        guard let colon = text.range(of: "://") else {
            throw Reason("there is no scheme; \(schemes) known")
        }
        let rest = String(text[colon.upperBound...])
        needsTLS = false
        switch String(text[..<colon.lowerBound]) {
        case "unix":
            // The kernel's limit, sun_path with its NUL.
            guard rest.hasPrefix("/"), rest.utf8.count <= 107, !rest.utf8.contains(0) else {
                throw Reason("a socket's path is absolute and has at most 107 bytes")
            }
            endpoint = .unix(path: rest)
        case "tcp":
            endpoint = try Self.tcp(rest, secure: wantsTLS)
            needsTLS = wantsTLS
        case "http":
            endpoint = try Self.tcp(rest, secure: false)
            refusesTLS = wantsTLS
        case "https":
            endpoint = try Self.tcp(rest, secure: true)
            needsTLS = true
        case let scheme: throw Reason("\(scheme):// is not supported, \(schemes)")
        }
    }

    private static func tcp(_ text: String, secure: Bool) throws(Reason) -> Endpoint {
        var text = Substring(text)
        if text.last == "/" { text.removeLast() }
        guard !text.contains(where: { "/?#@".contains($0) }) else {
            throw Reason("only a host and a port are supported")
        }
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw Reason("the bracket is not closed") }
            host = text[text.index(after: text.startIndex)..<end]
            let behind = text[text.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { throw Reason("a port comes after a colon") }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Reason("there is no host")
        }
        guard let port else { return .tcp(host: String(host), port: secure ? 2376 : 2375) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65535).contains(number)
        else { throw Reason("a port is a number from 1 to 65535") }
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
