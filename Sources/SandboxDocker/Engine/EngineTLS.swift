/// TLS to an engine, and texts for errors of connections.

#if Docker
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension TLSConfiguration {
    /// A configuration that fully verifies the engine, and sends this side's certificate if there is one.
    static func engine(_ files: EngineAddress.TLS) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .fullVerification
        configuration.minimumTLSVersion = .tlsv12
        if let authorities = files.authorities {
            configuration.trustRoots = .certificates(try read(authorities, NIOSSLCertificate.fromPEMFile))
        }
        if let certificate = files.certificate {
            configuration.certificateChain = try read(certificate, NIOSSLCertificate.fromPEMFile)
                .map { .certificate($0) }
        }
        if let key = files.key {
            configuration.privateKey = .privateKey(
                try read(key) { try NIOSSLPrivateKey(file: $0, format: .pem) })
        }
        return configuration
    }

    private static func read<Value>(_ path: String, _ body: (String) throws -> Value) throws -> Value {
        do {
            return try body(path)
        } catch {
            throw UnreadableFile(path: path, reason: connectionWords(error))
        }
    }

    struct UnreadableFile: Error {
        var path: String
        var reason: String
    }
}

/// Waits for the end of the TLS handshake: the connection itself counts as made before that.
final class TLSHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let ready: EventLoopPromise<Void>

    init(_ ready: EventLoopPromise<Void>) { self.ready = ready }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            ready.succeed()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ready.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}

/// The text for a connection's error, from the system or the TLS library.
func connectionWords(_ error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError:
        if let first = error.connectionErrors.first {
            connectionWords(first.error)
        } else if let failed = error.dnsAError ?? error.dnsAAAAError {
            "'\(error.host)' has no address: \(connectionWords(failed))"
        } else {
            "'\(error.host)' has no address"
        }
    case let error as TLSConfiguration.UnreadableFile: "cannot use \(error.path): \(error.reason)"
    case ChannelError.eof: "the connection was closed during the TLS handshake"
    case NIOSSLError.handshakeFailed(let reason):
        "\(reason)".contains("CERTIFICATE_VERIFY_FAILED")
            ? "the engine's certificate was not issued by the authority in ca.pem, or not for this address"
            : "the TLS handshake failed: \(reason)"
    default: EngineError.bounded("\(error)")
    }
}
#endif
