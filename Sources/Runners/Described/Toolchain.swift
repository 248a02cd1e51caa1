/// Asks an image for a language's toolchain: what is there, in which version.

public import SandboxAPI
import SandboxRuntime

/// What an image has of a language.
public struct Toolchain: Sendable, Hashable {
    /// The version as the toolchain itself told it; `nil` when it told none, or something is missing.
    public var version: String?
    /// The programs that the image lacks; empty when the language can be used.
    public var missing: [String]

    public init(version: String?, missing: [String]) {
        self.version = version
        self.missing = missing
    }

    public var isComplete: Bool { missing.isEmpty }

    /// Finds a version in what a toolchain answered.
    ///
    /// - Parameters:
    ///   - text: its output, in any encoding.
    ///   - after: the text before the version; empty: anywhere.
    /// - Returns: the first number with a dot in it behind `after`, such as `12.2.0` or `5.4.4-beta1`, at most 40 bytes;
    ///   behind a given `after` also a number alone. `nil` without one.
    static func version(in text: [UInt8], after: String) -> String? {
        var rest = text[...]
        if !after.isEmpty {
            let mark = Array(after.utf8)
            guard let start = rest.indices.first(where: { rest[$0...].starts(with: mark) }) else {
                return nil
            }
            rest = rest[(start + mark.count)...]
        }
        while let start = rest.firstIndex(where: \.isDigit) {
            let word = rest[start...].prefix { byte in
                byte.isDigit || (0x61...0x7a).contains(byte | 0x20) || ".-+~_".utf8.contains(byte)
            }
            let number = word.prefix { $0.isDigit || $0 == UInt8(ascii: ".") }
            let isVersion = number.dropLast().contains(UInt8(ascii: "."))
            if isVersion || (!after.isEmpty && start == rest.startIndex) {
                let shown = isVersion ? word : number
                let end = shown.lastIndex { $0.isDigit || (0x61...0x7a).contains($0 | 0x20) } ?? start
                return shown[...end].prefix(40).text
            }
            if !after.isEmpty { return nil }
            rest = rest[word.endIndex...]
        }
        return nil
    }
}

extension LanguageDescription {
    /// The bounds of a question: a Kotlin compiler takes two seconds of two processors to tell its version.
    static let questionLimits = Limits(
        wallTime: .seconds(60), cpuTime: .seconds(30), memory: 1 << 30, processes: 256, output: 64 << 10)

    /// Asks in a fresh sandbox which of the language's programs the image has, and for the version.
    ///
    /// - Parameters:
    ///   - options: the image and whatever else the runs get, bind mounts among them.
    ///   - backend: makes the sandbox.
    /// - Throws: the sandbox's errors. A toolchain that is missing or does not answer is a result.
    public func toolchain(
        in options: SandboxOptions = SandboxOptions(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> Toolchain {
        try check()
        var options = options
        options.firstLimits = Self.questionLimits
        return try await throwingSandboxErrors {
            try await backend.withSandbox(options) { sandbox in
                let missing = try await missingTools(sandbox)
                guard missing.isEmpty, let version else { return Toolchain(version: nil, missing: missing) }
                let command = Command(
                    ByteString(version.command[0]), version.command.dropFirst().map { ByteString($0) },
                    environment: environment.asBytes)
                do throws(SandboxError) {
                    let answer = try await sandbox.run(command, stdin: .none, limits: Self.questionLimits)
                    guard answer.outcome.isSuccess else { return Toolchain(version: nil, missing: []) }
                    let text = answer.stdout + [0x0a] + answer.stderr
                    return Toolchain(version: Toolchain.version(in: text, after: version.after), missing: [])
                } catch {
                    guard error.code == .executableNotFound else { throw error }
                    return Toolchain(version: nil, missing: [version.command[0]])
                }
            }
        }
    }

    /// The programs that the sandbox does not have, by its own shell.
    ///
    /// - Returns: none in an image without a shell: the question for the version tells.
    private func missingTools(_ sandbox: any SandboxLease) async throws(SandboxError) -> [String] {
        let script = #"for tool; do command -v "$tool" >/dev/null || printf '%s\n' "$tool"; done"#
        let command = Command(
            "sh", ["-c", ByteString(script), "sh"] + neededTools.map { ByteString($0) },
            environment: environment.asBytes)
        do throws(SandboxError) {
            let answer = try await sandbox.run(command, stdin: .none, limits: Self.questionLimits)
            let told = answer.stdoutText.split(separator: "\n").map(String.init)
            return neededTools.filter(told.contains)
        } catch {
            guard error.code == .executableNotFound else { throw error }
            return []
        }
    }
}
