/// Converts the C core's failures ({stage, errno, index}) to `SandboxError`.

package import CIsolate
import Glibc
public import SandboxAPI

extension isolate_stage {
    /// What errors call it.
    package var name: String { String(cString: isolate_stage_name(Int32(rawValue))) }
}

extension isolate_failure {
    package var stageName: String { String(cString: isolate_stage_name(stage)) }

    /// Which part of the stage failed; for one of many alike, its number.
    package var detailName: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            isolate_detail_name(stage, index, text.baseAddress, text.count)
            return String(cString: text.baseAddress!)
        }
    }
}

/// The capabilities that this process lacks for a stage, by libcap's names: "cap_setuid, cap_setgid"; "" when it has all.
package func lackingCapabilities(at stage: isolate_stage) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
        isolate_lacking_capabilities(Int32(stage.rawValue), text.baseAddress, text.count)
        return String(cString: text.baseAddress!)
    }
}

extension SandboxError {
    /// - Parameters:
    ///   - doing: completes "… failed", such as "starting the supervisor".
    ///   - bindMounts: the sandbox's, for a failure at one of them.
    package init(_ failure: isolate_failure, while doing: String, bindMounts: [BindMount] = []) {
        // A shortage passes, and is not the directory's.
        let isShortage = Self.shortage(failure.errno_value) != nil || failure.errno_value == ENOSYS
        if failure.stage == ISOLATE_STAGE_BIND_MOUNT.rawValue, !bindMounts.isEmpty, !isShortage {
            self.init(bindMount: failure, of: bindMounts)
            return
        }
        let stage = isolate_stage(UInt32(failure.stage))
        self.init(
            .setupFailed, stage: failure.stageName, errno: failure.errno_value,
            message: "\(doing) failed at \(failure.stageName) (\(failure.detailName)): "
                + describe(errno: failure.errno_value),
            hint: Self.hint(stage, failure.errno_value))
    }

    private static func hint(_ stage: isolate_stage, _ errno: Int32) -> String {
        if let shortage = shortage(errno) { return shortage }
        return switch stage {
        case ISOLATE_STAGE_CGROUP, ISOLATE_STAGE_JOIN_CGROUP:
            "the cgroup could not be made or entered; see `sandbox doctor`"
        case ISOLATE_STAGE_CLONE_SLOT, ISOLATE_STAGE_ID_MAP:
            "namespaces were refused\(lacking(stage, errno)); see `sandbox doctor`"
        case ISOLATE_STAGE_SECCOMP:
            "the kernel needs CONFIG_SECCOMP_FILTER and user notification (5.0 or newer)"
        default:
            "see `sandbox doctor`"
        }
    }

    /// The usual rights of root that user 0 lacks here, as in a container. An ordinary user needs none of
    /// them.
    private static func lacking(_ stage: isolate_stage, _ errno: Int32) -> String {
        let names = errno == EPERM && geteuid() == 0 ? lackingCapabilities(at: stage) : ""
        return names.isEmpty ? "" : ", and this process lacks \(names)"
    }

    /// The message for a resource that is used up, whatever the stage.
    private static func shortage(_ errno: Int32) -> String? {
        switch errno {
        case EMFILE:
            return
                "a process has as many descriptors open as it may: raise the limit of open files (ulimit -n), or use fewer "
                + "sandboxes at a time"
        case ENFILE:
            return
                "the host has as many files open as it may: raise fs.file-max, or use fewer sandboxes at a time"
        case ENOMEM: return "the host is out of memory"
        case EAGAIN:
            return "a limit on processes is reached: ulimit -u, kernel.pid_max or a cgroup's pids.max"
        default: return nil
        }
    }

    /// The name of a kernel limit (RLIMIT_CPU, RLIMIT_FSIZE, …) in this library, and as an option of the
    /// shell's ulimit.
    private static func resource(_ number: Int32) -> (limit: String, option: String) {
        for limit in LimitDescription.all {
            if let resource = limit.resource, resource.number == number {
                return (limit.name, resource.option)
            }
        }
        return ("RLIMIT \(number)", " -a")
    }

    /// The error of a directory that cannot be bound into a sandbox.
    ///
    /// - Parameter mounts: the sandbox's bind mounts, of which the failure's index names one.
    private init(bindMount failure: isolate_failure, of mounts: [BindMount]) {
        let number = failure.errno_value
        let position = Int(failure.index) & Int(ISOLATE_DETAIL_BIND_MOUNT_POSITION.rawValue)
        let step = UInt32(bitPattern: failure.index) & ~ISOLATE_DETAIL_BIND_MOUNT_POSITION.rawValue
        let mount = mounts[min(position, mounts.count - 1)]
        let (source, target) = (Validation.quoted(mount.source), Validation.quoted(mount.target))
        let (code, message, hint): (Code, String, String) =
            switch (isolate_bind_mount_detail(step), number) {
            case (ISOLATE_DETAIL_BIND_MOUNT_SOURCE, EXDEV), (ISOLATE_DETAIL_BIND_MOUNT_CONTENT, EXDEV):
                (
                    .invalidArgument,
                    "\(source) has another file system mounted below it, which programs would not see",
                    "bind the directories apart"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_REQUEST, EPERM), (ISOLATE_DETAIL_BIND_MOUNT_CONTENT, EPERM):
                (
                    .invalidArgument, "\(source) is not bound into a sandbox: it would show the host itself",
                    "bind the directory with the data"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_SOURCE, EROFS):
                (
                    .isolationUnavailable, "the engine did not mount \(source) read-only",
                    "see the engine's log"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_SOURCE, ESTALE), (ISOLATE_DETAIL_BIND_MOUNT_SOURCE, ELOOP):
                (
                    .invalidArgument,
                    "another directory took the place of \(source) while a sandbox was made",
                    "try again"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_SOURCE, _):
                (
                    .invalidArgument, "\(source) cannot be bound into a sandbox: \(describe(errno: number))",
                    "give an existing directory of the host"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_CONTENT, EOPNOTSUPP):
                (
                    .invalidArgument,
                    "\(source) has a socket, a FIFO or a device in it, through which a program in a container could reach the host",
                    "bind a directory of plain files"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_CONTENT, _):
                (
                    .invalidArgument, "\(source) cannot be looked through: \(describe(errno: number))",
                    "bind a directory of at most 1,048,576 entries, 128 deep, whose directories are all readable or all closed"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_COVER, EACCES):
                (
                    .invalidArgument, "\(source) is closed to programs, which run as another user",
                    "let others read it (chmod o+rx), as far as programs may"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_COVER, _):
                (
                    .isolationUnavailable,
                    "the kernel makes no overlay over \(source): \(describe(errno: number))",
                    "bind a directory of another file system, or put the files into the image or /work"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_TARGET, EPERM):
                (
                    .isolationUnavailable,
                    "bind mounts need a mount namespace, which this host does not give",
                    "see `sandbox doctor`"
                )
            case (ISOLATE_DETAIL_BIND_MOUNT_TARGET, _):
                (
                    .invalidArgument, "\(source) cannot be bound at \(target): \(describe(errno: number))",
                    "give an existing directory of the image, without links, or a new name at its top"
                )
            default:
                (
                    .invalidArgument, "\(source) cannot be bound at \(target): \(describe(errno: number))",
                    "give absolute paths"
                )
            }
        self.init(code, stage: failure.stageName, errno: number, message: message, hint: hint)
    }

    /// The error of a run that could not start.
    init(runFailure failure: isolate_failure, command: Command) {
        let number = failure.errno_value
        let reason = describe(errno: number)
        let name = Validation.quoted(command.executable)
        switch (isolate_stage(UInt32(failure.stage)), number) {
        case (ISOLATE_STAGE_EXEC, _):
            self = CommandErrors.executable(errno: number, of: command)
        case (ISOLATE_STAGE_DIRECTORY, _):
            self = CommandErrors.directory(errno: number, of: command)
        case (ISOLATE_STAGE_RLIMITS, _):
            let resource = Self.resource(failure.index)
            self.init(
                .invalidLimit, stage: failure.stageName, errno: number,
                message: "the limit \(resource.limit) could not be put in force: \(reason)",
                hint:
                    "it cannot be above the hard limit of this process: ulimit -H\(resource.option) says that"
            )
        case (ISOLATE_STAGE_PROCESSORS, _) where failure.index > 0:
            self.init(
                .invalidLimit, stage: failure.stageName, errno: number,
                message: "limit cpuSet names processor \(failure.index - 1), which a run may not use here",
                hint:
                    "the processors that a run without the limit has are in Cpus_allowed_list of /proc/self/status"
            )
        case (ISOLATE_STAGE_PROCESSORS, _):
            self.init(
                .invalidLimit, stage: failure.stageName, errno: number,
                message: "the limit cpus could not be put in force: \(reason)",
                hint: "processors that this process may use may have gone offline; see `nproc`")
        case (ISOLATE_STAGE_LIMITS, _):
            self.init(
                .invalidLimit, stage: failure.stageName, errno: number,
                message:
                    "a limit of the run could not be put in force in its cgroup (\(failure.detailName)): \(reason)",
                hint: "see `sandbox doctor`")
        default:
            self.init(failure, while: "starting \(name)")
        }
    }
}

/// Errors of commands that cannot be started, the same for each backend.
public enum CommandErrors {
    /// The program cannot be executed.
    ///
    /// - Parameters:
    ///   - number: of `execve`. It says ENOENT also of a program that is there, but whose interpreter or dynamic
    ///     linker is not: give ELIBACC for that.
    ///   - command: the command, for the message.
    public static func executable(errno number: Int32, of command: Command) -> SandboxError {
        let name = Validation.quoted(command.executable)
        switch number {
        case ENOENT, ENOTDIR:
            return SandboxError(
                .executableNotFound, stage: "exec", errno: number, message: "\(name) is not in the sandbox",
                hint: "check the name; it must be a path in the sandbox, or be found in PATH"
            )
        case E2BIG:
            return SandboxError(
                .argumentsTooLarge, stage: "exec", errno: number,
                message: "the arguments and environment of \(name) are too large for the kernel",
                hint:
                    "put data in a file, or raise the stack limit: the kernel gives a quarter of it to arguments"
            )
        case ELIBACC:
            return SandboxError(
                .executableNotRunnable, stage: "exec", errno: number,
                message:
                    "\(name) cannot be executed: its interpreter or dynamic linker is not in the sandbox",
                hint: "check its first line, or link it statically")
        default:
            return SandboxError(
                .executableNotRunnable, stage: "exec", errno: number,
                message: "\(name) cannot be executed: \(describe(errno: number))",
                hint: "it must be a regular file with execute permission, for this processor")
        }
    }

    /// The working directory cannot be entered.
    public static func directory(errno number: Int32, of command: Command) -> SandboxError {
        SandboxError(
            number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, stage: "directory",
            errno: number,
            message:
                "the directory \(Validation.quoted(command.directory ?? Validation.work)) cannot be entered: "
                + describe(errno: number),
            hint: "give a directory of the sandbox, or write a file into it first")
    }
}

/// Errors of files below `/work`, the same for each backend.
public enum FileErrors {
    /// The error of a file with more bytes than the caller allows.
    public static func tooLarge(_ path: ByteString, _ maxBytes: Int) -> SandboxError {
        SandboxError(
            .fileTooLarge, stage: "file", errno: EFBIG,
            message: "\(Validation.quoted(path)) is larger than \(maxBytes) bytes", hint: "raise maxBytes")
    }

    /// A slot or agent answered what is no list of entries.
    package static func malformedEntries(_ path: ByteString) -> SandboxError {
        SandboxError(
            .internalError, stage: "file",
            message: "the entries of \(Validation.quoted(path)) cannot be read",
            hint: "please report this")
    }

    package static func diskLimit(_ bytes: Int, _ failure: isolate_failure) -> SandboxError {
        SandboxError(
            .invalidLimit, stage: failure.stageName, errno: failure.errno_value,
            message:
                "the disk limit cannot be set to \(bytes) bytes: \(describe(errno: failure.errno_value))",
            hint: "give more than the files of the sandbox already hold")
    }

    /// The error of a system call on a file.
    ///
    /// - Parameters:
    ///   - number: what the system call said. ELOOP, ENXIO, EISDIR and EXDEV become `.notRegularFile`: a path with a
    ///     link in it is to give ELOOP, as `openat2` does with `RESOLVE_NO_SYMLINKS`. ESTALE becomes
    ///     `.fileChanged`: give it for a file that is shorter than the offset to write at.
    ///   - path: below `/work`, for the message.
    ///   - directory: whether it was a directory that the call was to find or make: ENOTDIR and EEXIST become
    ///     `.notDirectory`.
    public static func error(
        errno number: Int32, path: ByteString, directory: Bool = false
    ) -> SandboxError {
        let name = Validation.quoted(path)
        let reason = describe(errno: number)
        switch number {
        case ENOTDIR where directory:
            return SandboxError(
                .notDirectory, stage: "file", errno: number, message: "\(name) is not a directory",
                hint: "give the name of a directory")
        case EEXIST where directory:
            return SandboxError(
                .notDirectory, stage: "file", errno: number,
                message: "\(name) cannot be made: something else is there", hint: "remove it first")
        case ESTALE:
            return SandboxError(
                .fileChanged, stage: "file", errno: number,
                message: "\(name) was cut or replaced while it was written in parts",
                hint: "write it while no program runs")
        case ENOENT, ENOTDIR:
            return SandboxError(
                .fileNotFound, stage: "file", errno: number, message: "\(name) is not in /work",
                hint: "check the name; names are relative to /work")
        case ELOOP, ENXIO, EISDIR, EXDEV:
            return SandboxError(
                .notRegularFile, stage: "file", errno: number,
                message: "\(name) is not a regular file: \(reason)",
                hint: "links, directories, FIFOs, sockets and devices are not followed nor read")
        case EMFILE, ENFILE:
            return SandboxError(
                .setupFailed, stage: "file", errno: number,
                message: "\(name) cannot be opened: \(reason), here or in the sandbox's processes",
                hint: "raise the limit of open files (ulimit -n), or use fewer sandboxes at a time")
        case ENOSPC, EDQUOT, EFBIG:
            return SandboxError(
                .noSpace, stage: "file", errno: number, message: "no room for \(name) in /work: \(reason)",
                hint: "raise the disk limit")
        default:
            return SandboxError(
                .fileAccess, stage: "file", errno: number, message: "\(name) cannot be opened: \(reason)")
        }
    }
}
