/// A program as bytes, with the hash by which it is known and checked. Pure.

import CArchive
import SandboxAPI
import SandboxRuntime

extension Program {
    /// `sha256:` and 64 hexadecimal digits: the SHA-256 of all that ``encoded()`` has before it. Two programs have the same
    /// when their files (in order), modes, names, arguments, variables and language are the same.
    public var digest: String { ProgramDigest.text(ProgramDigest.of(body())) }

    /// The program as bytes, to be kept in a file or a database, or sent to another machine.
    ///
    /// A line with the format's name and version; then the language, the executable, whether the arguments are
    /// templates (a byte, 0 or 1), the arguments, the variables in the order of their names, and the files. Each string has its length before it and each list its count, as 64-bit
    /// numbers with the lowest byte first, so that no two programs have the same bytes. Last comes the SHA-256 of all that.
    public func encoded() -> [UInt8] {
        let body = body()
        return body + ProgramDigest.of(body)
    }

    /// The largest encoding that ``init(decoding:)`` accepts, in bytes: 512 MiB.
    public static let maximumEncodedBytes = 512 << 20

    /// Decodes what ``encoded()`` made.
    ///
    /// The hash tells bytes that were cut or changed by accident. To know that it is the program you stored, compare
    /// ``digest``, or load it by its digest from a ``ProgramStore``.
    /// - Parameter bytes: may be hostile: each length and count is checked, and nothing is reserved for what is not there.
    /// - Throws: `.invalidProgram`, which says what is wrong and at which byte; `.fileTooLarge`.
    public init(decoding bytes: [UInt8]) throws(SandboxError) {
        guard bytes.count <= Self.maximumEncodedBytes else {
            throw SandboxError(
                .fileTooLarge,
                message:
                    "the stored program has \(bytes.count) bytes; at most \(Self.maximumEncodedBytes) are accepted"
            )
        }
        let body = bytes.dropLast(ProgramDigest.bytes)
        var reader = ProgramReader(body)
        try reader.readMagic()
        guard bytes.count >= ProgramDigest.bytes,
            ProgramDigest.of(body).elementsEqual(bytes.suffix(ProgramDigest.bytes))
        else {
            throw ProgramReader.invalid(
                "its SHA-256 is another one than it had when it was stored, so it was cut or changed")
        }
        let language = try reader.readText("language")
        let executable = try reader.readString("executable")
        let argumentsHaveLimits = try reader.readFlag("mark of the arguments")
        let arguments = try reader.readList("arguments") { reader throws(SandboxError) in
            try reader.readString("argument")
        }
        let variables = try reader.readList("variables") { reader throws(SandboxError) in
            (try reader.readString("variable's name"), try reader.readString("variable"))
        }
        let files = try reader.readList("files") { reader throws(SandboxError) in try reader.readFile() }
        try reader.readEnd()
        var names: Set<ByteString> = []
        for file in files where !names.insert(try Validation.workPath(file.path)).inserted {
            throw ProgramReader.invalid("two of its files have the name \(Validation.quoted(file.path))")
        }
        let environment = Dictionary(variables) { first, _ in first }
        guard environment.count == variables.count else {
            throw ProgramReader.invalid("two of its variables have the same name")
        }
        self.init(
            language: Language(rawValue: language), files: files, executable: executable,
            arguments: arguments, environment: environment, argumentsHaveLimits: argumentsHaveLimits)
    }

    /// All but the hash.
    private func body() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(files.reduce(4096) { $0 + $1.bytes.count + $1.path.bytes.count + 32 })
        out += ProgramReader.magic
        func append(number: Int) {
            for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
        }
        func append(_ bytes: some Collection<UInt8>) {
            append(number: bytes.count)
            out += bytes
        }
        append(language.rawValue.utf8)
        append(executable.bytes)
        out.append(argumentsHaveLimits ? 1 : 0)
        append(number: arguments.count)
        for argument in arguments { append(argument.bytes) }
        append(number: environment.count)
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            append(name.bytes)
            append(value.bytes)
        }
        append(number: files.count)
        for file in files {
            append(file.path.bytes)
            out.append(file.executable ? 1 : 0)
            append(file.bytes)
        }
        return out
    }
}

/// Reads the parts of an encoded program.
private struct ProgramReader {
    static let magic = Array("swift-sandbox program 1\n".utf8)

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    static func invalid(_ reason: String) -> SandboxError {
        SandboxError(
            .invalidProgram, message: "this is no stored program that can be used: \(reason)",
            hint: "build the program again and store it anew")
    }

    private func invalid(_ reason: String) -> SandboxError { Self.invalid("\(reason) (byte \(position))") }

    mutating func readMagic() throws(SandboxError) {
        guard bytes.starts(with: Self.magic) else {
            throw Self.invalid("it does not begin as programs of this version do")
        }
        position += Self.magic.count
    }

    private mutating func readNumber(_ what: String) throws(SandboxError) -> Int {
        guard bytes.endIndex - position >= 8 else {
            throw invalid("it ends before the length of the \(what)")
        }
        var number: UInt64 = 0
        for shift in 0..<8 { number |= UInt64(bytes[position + shift]) << (8 * shift) }
        // Each of these things takes at least one byte, or eight.
        guard number <= UInt64(bytes.endIndex - position - 8) else {
            throw invalid("the \(what) would be longer than all that is left")
        }
        position += 8
        return Int(number)
    }

    private mutating func readBytes(_ what: String) throws(SandboxError) -> ArraySlice<UInt8> {
        let count = try readNumber(what)
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func readString(_ what: String) throws(SandboxError) -> ByteString {
        let string = try readBytes(what)
        if string.contains(0) { throw invalid("there is a NUL in the \(what)") }
        return ByteString(string)
    }

    mutating func readText(_ what: String) throws(SandboxError) -> String {
        guard let text = try readString(what).exactText else { throw invalid("the \(what) is not UTF-8") }
        return text
    }

    mutating func readFlag(_ what: String) throws(SandboxError) -> Bool {
        guard position < bytes.endIndex, bytes[position] <= 1 else {
            throw invalid("the \(what) is neither 0 nor 1")
        }
        defer { position += 1 }
        return bytes[position] == 1
    }

    mutating func readFile() throws(SandboxError) -> InputFile {
        let path = try readString("name of a file")
        do throws(SandboxError) { _ = try Validation.workPath(path) } catch {
            throw invalid("\(Validation.quoted(path)) cannot be the name of a file: \(error.message)")
        }
        let executable = try readFlag("mode of \(Validation.quoted(path))")
        return InputFile(
            path, Array(try readBytes("content of \(Validation.quoted(path))")), executable: executable)
    }

    mutating func readList<Element>(
        _ what: String, _ read: (inout ProgramReader) throws(SandboxError) -> Element
    ) throws(SandboxError) -> [Element] {
        var list: [Element] = []
        for _ in 0..<(try readNumber(what)) { list.append(try read(&self)) }
        return list
    }

    func readEnd() throws(SandboxError) {
        if position != bytes.endIndex { throw invalid("there is more behind its last file") }
    }
}

/// SHA-256 as bytes and as text.
enum ProgramDigest {
    static let bytes = Int(ISOLATE_SHA256_BYTES)
    static let prefix = "sha256:"

    static func of(_ content: some Collection<UInt8>) -> [UInt8] {
        guard let hash = isolate_sha256_create() else { fatalError("there is no memory for a SHA-256") }
        defer { isolate_sha256_destroy(hash) }
        let isContiguous: Void? = content.withContiguousStorageIfAvailable {
            isolate_sha256_update(hash, $0.baseAddress, $0.count)
        }
        if isContiguous == nil {
            Array(content).withUnsafeBytes { isolate_sha256_update(hash, $0.baseAddress, $0.count) }
        }
        var digest = [UInt8](repeating: 0, count: bytes)
        isolate_sha256_digest(hash, &digest)
        return digest
    }

    static func text(_ digest: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return prefix + String(decoding: text, as: UTF8.self)
    }

    static func isDigest(_ text: String) -> Bool {
        text.hasPrefix(prefix) && text.utf8.count == prefix.utf8.count + 2 * bytes
            && text.utf8.dropFirst(prefix.utf8.count).allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
