/// What this module knows of the languages.

import SandboxAPI

extension Language {
    /// The longest source any runner accepts, in bytes: 64 MiB. A longer one throws `.fileTooLarge` before
    /// anything starts.
    public static let maximumSourceBytes = 64 << 20

    /// The language of a source file, by what stands behind the last dot of its name.
    ///
    /// - Parameter fileSuffix: with or without the dot, upper and lower case told apart as compilers do:
    ///   `cpp`, `cc`, `cp`, `cxx`, `c++` and `C` are C++ (`c` is not), `py` is Python. Anything else gives `nil`.
    public init?(fileSuffix: String) {
        switch fileSuffix.hasPrefix(".") ? String(fileSuffix.dropFirst()) : fileSuffix {
        case "cpp", "cc", "cp", "cxx", "c++", "C": self = .cpp
        case "py": self = .python
        default: return nil
        }
    }
}
