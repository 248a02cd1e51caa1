/// The languages that this module has runners for.

import SandboxAPI

extension Language {
    /// The longest source that a runner accepts, in bytes: 64 MiB. A longer one throws `.fileTooLarge` before
    /// anything starts.
    public static let maximumSourceBytes = 64 << 20

    /// The language of a source file, by the suffix after the last dot of its name.
    ///
    /// - Parameter fileSuffix: with or without the dot; upper and lower case differ, as for compilers: `cpp`,
    ///   `cc`, `cp`, `cxx`, `c++` and `C` are C++ (`c` is not), `py` is Python. Anything else gives `nil`.
    public init?(fileSuffix: String) {
        switch fileSuffix.hasPrefix(".") ? String(fileSuffix.dropFirst()) : fileSuffix {
        case "cpp", "cc", "cp", "cxx", "c++", "C": self = .cpp
        case "py": self = .python
        default: return nil
        }
    }
}
