/// Checks of the caller's arguments, before anything is changed. Pure.

import CIsolate
public import SandboxAPI

/// Checks arguments; each error says what is wrong, where, and what to do.
public enum Validation {
    /// The most that the kernel takes for arguments and environment together: three quarters of its default
    /// stack limit, in bytes.
    public static let maximumStrings = 6 << 20
    /// The kernel's limit for a single argument or variable, in bytes.
    public static let maximumString = 128 << 10
    public static let maximumPath = 3800

    public static func check(_ limits: Limits) throws(SandboxError) {
        for limit in LimitDescription.all { try limit.check(limits) }
    }

    /// The path of a sandbox's own directory, as callers give it.
    public static let work: ByteString = "/work"
    private static let parent: ByteString = ".."
    private static let here: ByteString = "."

    /// Returns the path of a file below `/work`, relative to it and in its shortest form. A new name may not
    /// contain a newline.
    public static func workPath(_ path: ByteString) throws(SandboxError) -> ByteString {
        try plain(path, "path", .invalidPath)
        return try existingPath(path)
    }

    /// The same for a file that a program may have named: newlines are allowed.
    public static func existingPath(_ path: ByteString) throws(SandboxError) -> ByteString {
        let result = try shortest(path)
        guard !result.isEmpty, path.bytes.last != ByteString.slash else {
            throw SandboxError(
                .invalidPath, message: "path \(quoted(path)) names no file", hint: "give the name of a file")
        }
        return result
    }

    /// The same for a directory that a program may have named: `.` is `/work` itself.
    public static func directoryPath(_ path: ByteString) throws(SandboxError) -> ByteString {
        let result = try shortest(path)
        return result.isEmpty ? here : result
    }

    private static func shortest(_ path: ByteString) throws(SandboxError) -> ByteString {
        guard !path.isEmpty, !path.bytes.contains(0) else {
            throw SandboxError(
                .invalidPath,
                message: path.isEmpty ? "the path is empty" : "the path \(quoted(path)) has a NUL in it",
                hint: path.isEmpty ? "give a name" : "give a name without NUL")
        }
        var names = path.parts[...]
        if path.isAbsolute {
            guard path == work || path.bytes.starts(with: work.bytes + [ByteString.slash]) else {
                throw SandboxError(
                    .invalidPath, message: "path \(quoted(path)) is not below /work",
                    hint: "give a path relative to /work")
            }
            names = names.dropFirst()
        }
        var parts: [ByteString] = []
        for part in names where part != here {
            if part == parent {
                guard parts.popLast() != nil else {
                    throw SandboxError(
                        .invalidPath, message: "path \(quoted(path)) leaves /work",
                        hint: "give a path without .. that stays below /work")
                }
            } else {
                guard part.bytes.count <= 255 else {
                    throw SandboxError(
                        .invalidPath, message: "path \(quoted(path)) has a part of \(part.bytes.count) bytes",
                        hint: "a file name has at most 255")
                }
                parts.append(part)
            }
        }
        let result = ByteString(path: parts)
        guard result.bytes.count <= maximumPath else {
            throw SandboxError(
                .invalidPath, message: "path of \(result.bytes.count) bytes",
                hint: "give at most \(maximumPath)")
        }
        return result
    }

    /// Checks the target of a symbolic link.
    public static func linkTarget(_ target: ByteString, of path: ByteString) throws(SandboxError) {
        guard !target.isEmpty, !target.bytes.contains(0),
            target.bytes.count + path.bytes.count <= maximumPath
        else {
            throw SandboxError(
                .invalidPath, message: "the link \(quoted(path)) cannot point to \(quoted(target))",
                hint:
                    "give a target that is not empty, without NUL, with the path at most \(maximumPath) bytes"
            )
        }
    }

    /// The working directory as an absolute path for the program.
    ///
    /// - Parameters:
    ///   - directory: as the caller gave it.
    ///   - work: where the program finds the sandbox's own directory, an absolute path.
    public static func directory(
        _ directory: ByteString?, work: ByteString = Validation.work
    ) throws(SandboxError) -> ByteString {
        guard let directory else { return work }
        try plain(directory, "directory", .invalidPath)
        guard directory.isAbsolute else {
            return directory == here ? work : work + "/" + (try workPath(directory))
        }
        guard directory == Self.work || directory.bytes.starts(with: Self.work.bytes + [ByteString.slash])
        else { return directory }
        return ByteString(work.bytes + directory.bytes.dropFirst(Self.work.bytes.count))
    }

    /// The most bytes of a bind mount's target.
    public static let maximumBindTarget = Int(ISOLATE_BIND_MOUNT_PATH_BYTES)
    /// Directories that the sandbox makes itself: something over them would hide its own mounts.
    private static let ownDirectories: Set<ByteString> = ["work", "tmp", "dev", "proc", "run", "sys"]
    /// Directories of the host with nothing but the kernel's interfaces and devices.
    private static let kernelDirectories: Set<ByteString> = ["dev", "proc", "sys"]

    /// Checks the paths of directories that are to be bound into a sandbox. What is at these paths, only the host knows.
    ///
    /// - Throws: `.invalidArgument`, which names the path.
    public static func check(_ mounts: [BindMount]) throws(SandboxError) {
        guard mounts.count <= BindMount.maximum else {
            throw SandboxError(
                .invalidArgument, message: "\(mounts.count) bind mounts",
                hint: "give at most \(BindMount.maximum)")
        }
        for (index, mount) in mounts.enumerated() {
            try checkSource(mount.source)
            try checkTarget(mount.target)
            // One inside another would need a directory made in the first, which nobody may change.
            let isInTheWay = { (other: BindMount) in
                isSameOrBelow(mount.target, other.target) || isSameOrBelow(other.target, mount.target)
            }
            if let other = mounts[..<index].first(where: isInTheWay) {
                throw SandboxError(
                    .invalidArgument,
                    message:
                        "\(quoted(other.source)) is to be bound at \(quoted(other.target)), and \(quoted(mount.source)) at "
                        + quoted(mount.target),
                    hint: "give each a target of its own, none inside another")
            }
        }
    }

    /// Whether a path is this directory or inside it.
    package static func isSameOrBelow(_ path: ByteString, _ directory: ByteString) -> Bool {
        path.parts.starts(with: directory.parts)
    }

    private static func checkSource(_ source: ByteString) throws(SandboxError) {
        guard source.isAbsolute, !source.bytes.contains(0), source.bytes.count <= maximumPath else {
            throw SandboxError(
                .invalidArgument,
                message:
                    "the directory to bind, \(quoted(source)), is no absolute path of at most \(maximumPath) bytes",
                hint: "give its full path on the host")
        }
        guard let first = source.parts.first(where: { $0 != here }), !kernelDirectories.contains(first) else {
            throw SandboxError(
                .invalidArgument,
                message: "\(quoted(source)) is not bound into a sandbox: it would show the host itself",
                hint: "bind the directory with the data, outside of /dev, /proc and /sys")
        }
    }

    private static func checkTarget(_ target: ByteString) throws(SandboxError) {
        let parts = target.parts
        guard target == "/" + ByteString(path: parts), target != "/", !target.bytes.contains(0),
            target.bytes.count <= maximumBindTarget, !parts.contains(here), !parts.contains(parent)
        else {
            throw SandboxError(
                .invalidArgument,
                message: "the target of a bind mount, \(quoted(target)), is no plain absolute path",
                hint: "give one such as /data, without . and .., of at most \(maximumBindTarget) bytes")
        }
        guard let first = parts.first, !ownDirectories.contains(first) else {
            throw SandboxError(
                .invalidArgument,
                message: "nothing can be bound at \(quoted(target)): the sandbox makes that directory itself",
                hint: "choose another place, such as /data")
        }
    }

    private static func plain(
        _ text: ByteString, _ what: String, _ code: SandboxError.Code
    ) throws(SandboxError) {
        guard !text.isEmpty else {
            throw SandboxError(code, message: "the \(what) is empty", hint: "give a name")
        }
        for byte in text.bytes where byte == 0 || byte == 10 || byte == 13 {
            throw SandboxError(
                code, message: "the \(what) \(quoted(text)) has a \(byte == 0 ? "NUL" : "newline") in it",
                hint: "give a name without NUL and newline")
        }
    }

    /// The directory, executable, argv and environment, NUL-terminated, in the form that the program's
    /// process takes.
    public struct Strings: Sendable {
        public var bytes: [UInt8] = []
        public var argumentCount = 0
        public var variableCount = 0

        private var all: [ByteString] {
            bytes.split(separator: 0, omittingEmptySubsequences: false).map { ByteString($0) }
        }

        /// The working directory, an absolute path.
        public var directory: ByteString { all[0] }
        /// A path, or a name to be found in the `PATH` of ``variables``.
        public var executable: ByteString { all[1] }
        /// The program's `argv`, its own name first.
        public var arguments: [ByteString] { Array(all.dropFirst(2).prefix(argumentCount)) }
        /// The program's `environ`: `NAME=value`, in the order of the names.
        public var variables: [ByteString] {
            Array(all.dropFirst(2 + argumentCount).prefix(variableCount))
        }
    }

    public static let standardEnvironment: [ByteString: ByteString] = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/work",
        "LANG": "C.UTF-8", "TZ": "UTC",
        // The leak check at exit needs ptrace, which the sandbox refuses; a sanitizer would count that as a
        // failure.
        "LSAN_OPTIONS": "detect_leaks=0",
    ]

    /// The name for the program's user id, whether or not the image knows it.
    public static func userName(_ rootfs: Rootfs) -> ByteString {
        rootfs == .writable ? "root" : "sandbox"
    }

    /// Converts a command to the form that the program's process takes.
    ///
    /// - Parameters:
    ///   - command: checked here.
    ///   - user: the name of the program's user.
    ///   - image: the variables that the image sets.
    ///   - work: where the program finds the sandbox's own directory, an absolute path.
    /// - Throws: `.invalidArgument`, `.invalidPath`, `.argumentsTooLarge`.
    public static func strings(
        of command: Command, user: ByteString = userName(.readOnly),
        image: [ByteString: ByteString] = [:], work: ByteString = Validation.work
    ) throws(SandboxError) -> Strings {
        guard !command.executable.isEmpty else {
            throw SandboxError(
                .invalidArgument, message: "the executable is empty",
                hint: "give a path in the sandbox, or a name to be found in PATH")
        }
        try plain(command.executable, "executable", .invalidArgument)
        let directory = try directory(command.directory, work: work)
        var strings = Strings()
        var total = 0
        func append(_ text: ByteString, _ what: @autoclosure () -> String) throws(SandboxError) {
            let size = text.bytes.count
            total += size + 1 + 8  // the kernel counts the pointer too
            guard size < maximumString, total <= maximumStrings else {
                throw SandboxError(
                    .argumentsTooLarge, stage: "exec", errno: 7,
                    message:
                        "\(what()) of \(size) bytes: arguments and environment are over the kernel's bounds",
                    hint:
                        "at most \(maximumString - 1) bytes each and \(maximumStrings) in all; put data in a file"
                )
            }
            if text.bytes.contains(0) {
                throw SandboxError(
                    .invalidArgument, message: "\(what()) has a NUL in it", hint: "give text without NUL")
            }
            strings.bytes.append(contentsOf: text.bytes)
            strings.bytes.append(0)
        }
        try append(directory, "the directory")
        try append(command.executable, "the executable")
        try append(command.executable, "the executable")
        for (index, argument) in command.arguments.enumerated() {
            try append(argument, "argument \(index + 1)")
        }
        strings.argumentCount = command.arguments.count + 1
        var environment = standardEnvironment.merging(image) { $1 }
        // The sandbox, not the image, decides which user the program is and where it may write.
        environment["HOME"] = work
        environment["USER"] = user
        environment["LOGNAME"] = user
        for (name, value) in command.environment {
            guard !name.isEmpty, !name.bytes.contains(UInt8(ascii: "=")) else {
                throw SandboxError(
                    .invalidArgument, message: "the variable name \(quoted(name)) is not valid",
                    hint: "give a name that is not empty and has no =")
            }
            environment[name] = name == "LSAN_OPTIONS" ? withoutLeakCheck(value) : value
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            try append(name + "=" + value, "the variable \(name)")
        }
        strings.variableCount = environment.count
        return strings
    }

    /// Turns the leak check off in the sanitizer options of the caller, unless they mention it.
    private static func withoutLeakCheck(_ options: ByteString) -> ByteString {
        let saysSo = String(decoding: options.bytes, as: UTF8.self).contains("detect_leaks")
        return saysSo || options.isEmpty ? options : "detect_leaks=0:" + options
    }

    /// Checks a number that the caller gave: an offset, or the most bytes or entries that it takes.
    ///
    /// - Throws: `.invalidArgument`, which names the number, below `least`.
    package static func check(_ value: Int, _ name: String, least: Int = 0) throws(SandboxError) {
        guard value < least else { return }
        throw SandboxError(
            .invalidArgument, message: "\(name) is \(value)", hint: "give \(least) or more")
    }

    /// Returns bytes for a message: shortened, with control characters and invalid UTF-8 made visible.
    public static func quoted(_ text: ByteString) -> String { text.quoted }

    /// The same for text.
    public static func quoted(_ text: String) -> String { quoted(ByteString(text)) }
}
