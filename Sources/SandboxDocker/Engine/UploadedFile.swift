/// A file read in pieces, off the event loop, as fast as its reader takes them.

#if Docker
import NIOCore
import NIOPosix
import SandboxRuntime

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Within the class `open` would be the class's own function.
private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

/// A regular file that is open for reading; closed with the last reference.
final class UploadedFile: Sendable {
    private static let chunkSize = 256 << 10

    /// The size in bytes at the time of opening.
    let size: Int
    private let descriptor: OwnedDescriptor

    private init(path: String) throws {
        let opened = openFile(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard let descriptor = OwnedDescriptor(owning: opened) else {
            throw IOError(errnoCode: errno, reason: "open")
        }
        var status = stat()
        guard fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw IOError(errnoCode: EINVAL, reason: "not a regular file")
        }
        self.descriptor = descriptor
        size = Int(status.st_size)
    }

    static func open(_ path: String, on loop: any EventLoop) -> EventLoopFuture<UploadedFile> {
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try UploadedFile(path: path) }
    }

    /// Passes all of the file to `consume`, each piece when `consume` is done with the one before.
    ///
    /// - Parameter consume: called on `loop`.
    func forEachChunk(
        on loop: any EventLoop, _ consume: @escaping @Sendable (ByteBuffer) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        step(at: 0, loop, consume, promise)
        return promise.futureResult
    }

    private func step(
        at offset: Int, _ loop: any EventLoop,
        _ consume: @escaping @Sendable (ByteBuffer) -> EventLoopFuture<Void>,
        _ promise: EventLoopPromise<Void>
    ) {
        guard offset < size else { return promise.succeed() }
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try self.read(at: offset) }
            .flatMap { chunk in consume(chunk).map { chunk.readableBytes } }
            .whenComplete { result in
                switch result {
                case .success(let count): self.step(at: offset + count, loop, consume, promise)
                case .failure(let error): promise.fail(error)
                }
            }
    }

    private func read(at offset: Int) throws -> ByteBuffer {
        var chunk = ByteBuffer()
        let wanted = min(Self.chunkSize, size - offset)
        let count = chunk.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
            max(pread(descriptor.number, space.baseAddress, wanted, off_t(offset)), 0)
        }
        guard count > 0 else { throw IOError(errnoCode: EIO, reason: "the file became shorter") }
        return chunk
    }
}
#endif
