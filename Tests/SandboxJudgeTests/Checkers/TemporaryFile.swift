#if Judge
import Glibc

/// A file of the host for one test.
enum TemporaryFile {
    static func make(_ bytes: [UInt8]) -> String? {
        var template = Array("/tmp/sandbox-judge-test.XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { return nil }
        let isWritten = write(file, bytes, bytes.count) == bytes.count
        close(file)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return isWritten ? path : nil
    }

    static func remove(_ path: String) { unlink(path) }
}
#endif
