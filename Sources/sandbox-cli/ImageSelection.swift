/// Which images a command line means, from the list of the cache alone.

#if CLI
import Sandbox

/// The images that `sandbox image remove` is to remove.
enum ImageSelection: Equatable {
    /// By source or digest.
    case named([String])
    case all
    /// Those whose last use was longer ago.
    case olderThan(Duration)

    /// The least number of digits of a digest that may stand for all 64.
    private static let leastDigits = 4

    /// - Throws: `.imageUnavailable` for a name that no image has, `.invalidArgument` for digits that several
    ///   digests begin with.
    func choose(from images: [CachedImage], now: Duration) throws(SandboxError) -> [CachedImage] {
        switch self {
        case .all: return images
        case .olderThan(let age): return images.filter { now - $0.lastUsed > age }
        case .named(let names):
            var chosen: [CachedImage] = []
            for name in names {
                chosen += try Self.find(name, in: images).filter { !chosen.contains($0) }
            }
            return chosen
        }
    }

    /// All images of that source: an archive that was changed has been unpacked once for each content. Else
    /// the one with this digest.
    private static func find(_ name: String, in images: [CachedImage]) throws(SandboxError) -> [CachedImage] {
        let named = images.filter { $0.source?.utf8.elementsEqual(name.utf8) ?? false }
        if !named.isEmpty { return named }
        let prefix = "sha256:"
        let digits = (name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name).lowercased()
        let found =
            digits.utf8.count < leastDigits
            ? [] : images.filter { $0.digest.dropFirst(prefix.count).hasPrefix(digits) }
        guard let image = found.first else {
            throw SandboxError(
                .imageUnavailable, message: "the cache has no image '\(TerminalText.visible(name))'",
                hint: "see `sandbox image list`; a digest may be shortened to its first \(leastDigits) digits"
            )
        }
        guard found.count == 1 else {
            throw SandboxError(
                .invalidArgument,
                message: "'\(TerminalText.visible(name))' is the beginning of \(found.count) digests",
                hint: "give more digits: " + found.map(\.digest).joined(separator: ", "))
        }
        return [image]
    }
}

/// An age as written on the command line: a whole number and `s`, `m`, `h` or `d`.
enum Age {
    private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

    static func parse(_ text: String) throws(BadValue) -> Duration {
        let digits = text.dropLast()
        guard let unit = text.last.flatMap({ units[$0] }), !digits.isEmpty,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw BadValue("an age is a whole number and s, m, h or d, such as 12h or 30d") }
        guard let number = Int(digits), number <= 100 * 365 * 86_400 / unit else {
            throw BadValue("an age is at most 100 years")
        }
        return .seconds(number * unit)
    }

    /// `12 s ago`, `5 min ago`, `3 h ago`, `12 d ago`.
    static func describe(_ age: Duration) -> String {
        let seconds = max(0, Int(age.components.seconds))
        switch seconds {
        case ..<120: return "\(seconds) s ago"
        case ..<7200: return "\(seconds / 60) min ago"
        case ..<172_800: return "\(seconds / 3600) h ago"
        default: return "\(seconds / 86_400) d ago"
        }
    }
}
#endif
