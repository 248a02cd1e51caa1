/// A value behind a lock that sanitizers can see.

import CIsolate
import SandboxAPI
package import Synchronization

/// `Synchronization.Mutex`, with hints for ThreadSanitizer. The mutex's lock lies in Swift's runtime, which
/// is not built with ThreadSanitizer, so it would report a race for each value behind such a lock in every
/// program that links this library. In a build without ThreadSanitizer this costs two empty calls and a
/// number.
package struct Locked<Value: ~Copyable>: ~Copyable {
    @usableFromInline let mutex: Mutex<Value>

    /// A number instead of an address: taking the value's address would be an access before the lock is
    /// known.
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

    /// Call it after a continuation that another thread resumed outside of this lock: on Linux nothing else
    /// shows ThreadSanitizer that the value was made before it was handed over.
    @inlinable package borrowing func follow() { isolate_lock_taken(number) }
}

extension Locked: @unchecked Sendable where Value: ~Copyable {}
