/// The C++ standards that a compiler can be run with.

/// A C++ language standard; the raw value is the argument of `-std=`.
public enum CppStandard: String, Sendable, Hashable, CaseIterable {
    case cpp11 = "c++11"
    case cpp14 = "c++14"
    case cpp17 = "c++17"
    case cpp20 = "c++20"
    case cpp23 = "c++23"
    case cpp26 = "c++26"
}
