/// This host's name, and the precision of its accounting.

import Glibc

/// Facts of this host that do not change.
package enum HostFacts {
    package static let name: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// The kernel charges memory to a cgroup in advance: 64 pages per processor.
    package static let chargeBatch =
        64 * sysconf(Int32(_SC_PAGESIZE)) * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// How many bytes a program can fill between two samples of its memory on a quiet machine.
    package static let sampledMemory = 48 << 20
}
