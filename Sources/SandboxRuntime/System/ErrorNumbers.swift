/// The texts of error numbers.

import Glibc

/// The system's text for an error number.
package func describe(errno number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}
