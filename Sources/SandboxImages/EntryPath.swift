/// The checked name of an archive's entry: its place below the root. Pure.

import SandboxAPI
import SandboxRuntime

/// A path below the root of an image, without `.`, `..` and empty parts. Bytes, since names need not be UTF-8.
struct EntryPath: Hashable {
    /// The parent directory, parts joined by `/`; empty for the root.
    var parent: [UInt8]
    /// The last part; empty only for the root itself.
    var name: [UInt8]

    var isRoot: Bool { name.isEmpty }

    /// The parts of ``parent``.
    var parentParts: [ArraySlice<UInt8>] { parent.split(separator: EntryPath.slash) }

    /// The first part: the entry's place at the top of the tree.
    var top: ArraySlice<UInt8> { parentParts.first ?? name[...] }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
    private static let maximumName = 255

    /// - Parameter what: names the path in an error: "name", "hard link's target".
    init(_ bytes: [UInt8], limits: ImageLimits, what: String = "name") throws(ImageFailure) {
        guard !bytes.isEmpty else { throw ImageFailure("the \(what) is empty") }
        guard bytes.count <= limits.path else {
            throw ImageFailure("the \(what) is longer than \(limits.path) bytes")
        }
        guard bytes[0] != Self.slash else {
            throw ImageFailure(
                "the \(what) is absolute", hint: "names in an image are relative to its root")
        }
        guard !bytes.contains(0) else { throw ImageFailure("the \(what) has a NUL in it") }
        parent = []
        name = []
        var depth = 0
        for part in bytes.split(separator: Self.slash) {
            if part.count == 1, part.first == Self.dot { continue }
            if part.elementsEqual([Self.dot, Self.dot]) {
                throw ImageFailure(
                    "the \(what) has \"..\" in it", hint: "names in an image stay below its root")
            }
            guard part.count <= Self.maximumName else {
                throw ImageFailure("a part of the \(what) is longer than \(Self.maximumName) bytes")
            }
            depth += 1
            guard depth <= limits.depth else {
                throw ImageFailure("the \(what) is deeper than \(limits.depth) directories")
            }
            if !name.isEmpty {
                if !parent.isEmpty { parent.append(Self.slash) }
                parent += name
            }
            name = Array(part)
        }
    }

    /// Whether the entry is below the directory of that name at the top of the tree.
    func isBelow(_ directory: StaticString) -> Bool {
        guard !parent.isEmpty else { return false }
        return directory.withUTF8Buffer { top.elementsEqual($0) }
    }

    /// Checks what a symbolic link at this path points to.
    ///
    /// An absolute target means a place in the image, as it will for the program. A relative one must not
    /// climb above the root: the kernel would stop there, but no ordinary image relies on that.
    func checkLink(to target: [UInt8], limits: ImageLimits) throws(ImageFailure) {
        guard !target.isEmpty else { throw ImageFailure("the link's target is empty") }
        guard target.count < limits.path else {
            throw ImageFailure("the link's target is longer than \(limits.path - 1) bytes")
        }
        guard !target.contains(0) else { throw ImageFailure("the link's target has a NUL in it") }
        if target[0] == Self.slash { return }
        var depth = parentParts.count
        for part in target.split(separator: Self.slash) {
            if part.elementsEqual([Self.dot, Self.dot]) {
                depth -= 1
                guard depth >= 0 else {
                    throw ImageFailure(
                        "the link leads out of the image, to \(ByteName.quoted(target))",
                        hint: "links in an image stay below its root")
                }
            } else if !(part.count == 1 && part.first == Self.dot) {
                depth += 1
            }
        }
    }
}
