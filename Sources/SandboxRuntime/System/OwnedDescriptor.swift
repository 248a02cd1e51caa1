/// An open file descriptor that closes with the one variable that holds it.

import Glibc

/// An open file descriptor, closed when the variable that holds it goes out of scope, on whatever path.
///
/// It cannot be copied, so that nothing closes a number that the kernel has given to another file meanwhile. Calls that
/// take a descriptor get its ``number``. Only this file closes descriptors; `make lint` holds that.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// To be used while the owner lives, and not to be closed.
    package let number: Int32

    /// Takes over a descriptor. `nil`, with `errno` as it was, where the call that was to open it failed.
    ///
    /// - Parameter number: what a system call has just returned, or what came with a record: the caller had it alone and
    ///   gives it away. Negative: there is none.
    package init?(owning number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Leaves `errno` alone: it may be what an error on its way is made of.
    deinit {
        let before = errno
        Glibc.close(number)
        errno = before
    }

    /// Gives the descriptor up: the caller has to see to its end.
    package consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Closes the descriptor where it matters whether that succeeds: a file system may report only then that a file was not
    /// written.
    ///
    /// - Returns: 0 or an error number.
    package consuming func close() -> Int32 {
        Glibc.close(take()) == 0 ? 0 : errno
    }
}

extension Optional where Wrapped == OwnedDescriptor {
    /// The descriptor, or -1, which every call refuses.
    package var number: Int32 {
        switch self {
        case .some(let owner): owner.number
        case .none: -1
        }
    }
}
