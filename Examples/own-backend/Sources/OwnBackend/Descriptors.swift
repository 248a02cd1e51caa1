/// Descriptors and pipes that are closed once.
import CSpawn
import Foundation
import SandboxAPI
import Synchronization

/// An open file, closed with its last reference at the latest.
final class Descriptor: Sendable {
    private let value: Mutex<Int32>

    init(_ number: Int32) { value = Mutex(number) }

    deinit { close() }

    /// The descriptor; -1 when it is closed.
    var number: Int32 { value.withLock { $0 } }

    func close() {
        let number = value.withLock { value in
            defer { value = -1 }
            return value
        }
        if number >= 0 { _ = Glibc.close(number) }
    }
}

/// A pipe that no program inherits.
struct Pipe: Sendable {
    let read: Descriptor
    let write: Descriptor

    init() throws(SandboxError) {
        var ends: [Int32] = [-1, -1]
        let number = cspawn_pipe(&ends)
        guard number == 0 else {
            throw SandboxError(
                .setupFailed, stage: "pipe", errno: number,
                message: "no pipe: \(String(cString: strerror(number)))")
        }
        read = Descriptor(ends[0])
        write = Descriptor(ends[1])
    }

    /// Ends a poll that waits for this pipe.
    func poke() {
        var byte: UInt8 = 1
        // A full pipe wakes the poll, too.
        _ = fcntl(write.number, F_SETFL, O_NONBLOCK)
        _ = Glibc.write(write.number, &byte, 1)
    }

    /// Reads the bytes that `poke()` wrote.
    func drain() {
        var bytes = [UInt8](repeating: 0, count: 512)
        _ = fcntl(read.number, F_SETFL, O_NONBLOCK)
        while Glibc.read(read.number, &bytes, bytes.count) > 0 {}
    }
}
