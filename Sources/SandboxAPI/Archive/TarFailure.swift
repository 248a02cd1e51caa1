/// Why bytes are no tar archive, or not one that can be used.

package struct TarFailure: Error, Hashable {
    /// What was wrong, as the end of a sentence that begins with the entry or the archive.
    package var reason: String
    /// The name of the entry, as it stands in the archive.
    package var entry: [UInt8]?
    package var hint: String?

    package init(_ reason: String, entry: [UInt8]? = nil, hint: String? = nil) {
        self.reason = reason
        self.entry = entry
        self.hint = hint
    }

    /// The same failure, found while the entry of that name was read.
    package func at(entry name: [UInt8]) -> TarFailure {
        var failure = self
        if failure.entry == nil { failure.entry = name }
        return failure
    }
}
