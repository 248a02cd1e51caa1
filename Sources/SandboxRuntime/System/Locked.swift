/// A value behind a lock that sanitizers can see.

import CIsolate
import SandboxAPI
package import Synchronization

/// `Synchronization.Mutex`, whose lock ThreadSanitizer does not see: it lies in Swift's runtime, which is not built with it,
/// and so each value behind it would be told as a race in whatever program links this library. In a build without
/// ThreadSanitizer this costs two empty calls and a number.
package struct Locked<Value: ~Copyable>: ~Copyable {
    @usableFromInline let mutex: Mutex<Value>

    /// Not its address: to take that of the value would be an access before the lock is known.
    @usableFromInline let number: UInt32

    @inlinable package init(_ initialValue: consuming sending Value) {
        mutex = Mutex(initialValue)
        number = isolate_lock_number()
    }

    /// Calls the body with the lock held.
    @inlinable package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { (value: inout sending Value) throws(Failure) -> sending Result in
            isolate_lock_taken(number)
            defer { isolate_lock_left(number) }
            return try body(&value)
        }
    }

    /// To be called after a continuation that another thread resumed once it had left this lock: on Linux nobody else
    /// tells ThreadSanitizer that what was handed over was made before.
    @inlinable package borrowing func follow() { isolate_lock_taken(number) }
}

extension Locked: @unchecked Sendable where Value: ~Copyable {}
