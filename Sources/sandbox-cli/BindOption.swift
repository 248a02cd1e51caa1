/// Reads `--bind SRC:DEST`.

#if CLI
import Sandbox

/// A directory of the host that the program can read.
struct BindOption: Hashable {
    var mount: BindMount

    private static let colon = UInt8(ascii: ":")
    /// What docker's `--volume` and podman's take after DEST.
    private static let (readOnly, readWrite): (ByteString, ByteString) = (":ro", ":rw")

    /// DEST begins at the last `:/`, since SRC may have a colon in it. SRC may be relative to the command's own
    /// directory.
    static func parse(_ argument: String) throws(BadValue) -> BindOption {
        var text = ArgumentText.bytes(of: argument)
        if text.bytes.suffix(3).elementsEqual(readWrite.bytes) {
            throw BadValue("a directory of the host is always read-only inside; leave ':rw' out")
        }
        if text.bytes.suffix(3).elementsEqual(readOnly.bytes) { text.bytes.removeLast(3) }
        let starts = text.bytes.indices.dropLast().filter {
            text.bytes[$0] == colon && text.bytes[$0 + 1] == ByteString.slash
        }
        guard let start = starts.last, start > 0 else {
            throw BadValue("SRC:DEST is needed, a directory and the absolute path of its place inside")
        }
        let source = ByteString(text.bytes[..<start])
        // As shells complete it, with a slash at the end.
        var target = text.bytes[(start + 1)...]
        while target.count > 1, target.last == ByteString.slash { target.removeLast() }
        return BindOption(
            mount: BindMount(OutputDirectory.absolute(source), at: ByteString(target)))
    }
}
#endif
