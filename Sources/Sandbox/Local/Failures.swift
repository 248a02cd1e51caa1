/// What a failed step means for the caller: the C side's {stage, errno, index} as a `SandboxError`.

import CIsolate
import Glibc

extension isolate_failure {
    var stageName: String { String(cString: isolate_stage_name(stage)) }
}

extension SandboxError {
    /// - Parameter doing: completes "… failed", such as "starting the supervisor".
    init(_ failure: isolate_failure, while doing: String) {
        let stage = isolate_stage(UInt32(failure.stage))
        self.init(
            .setupFailed, stage: failure.stageName, errno: failure.errno_value,
            message: "\(doing) failed at \(failure.stageName) (\(failure.index)): "
                + describe(errno: failure.errno_value),
            hint: Self.hint(stage, failure.errno_value))
    }

    private static func hint(_ stage: isolate_stage, _ errno: Int32) -> String {
        switch stage {
        case ISOLATE_STAGE_CGROUP, ISOLATE_STAGE_JOIN_CGROUP:
            "a cgroup that was usable when this process looked is not any more; see `sandbox doctor`"
        case ISOLATE_STAGE_CLONE_SLOT, ISOLATE_STAGE_ID_MAP:
            "namespaces were refused: run as root outside a container; see `sandbox doctor`"
        case ISOLATE_STAGE_SECCOMP:
            "the kernel needs CONFIG_SECCOMP_FILTER and user notification (5.0 or newer)"
        default:
            errno == ENOMEM || errno == EAGAIN || errno == EMFILE || errno == ENFILE
                ? "the host is short of memory, processes or descriptors" : "see `sandbox doctor`"
        }
    }

    /// A run that could not start.
    init(runFailure failure: isolate_failure, command: Command) {
        let number = failure.errno_value
        let reason = describe(errno: number)
        let name = Validation.quoted(command.executable)
        switch (isolate_stage(UInt32(failure.stage)), number) {
        case (ISOLATE_STAGE_EXEC, ENOENT), (ISOLATE_STAGE_EXEC, ENOTDIR):
            self.init(
                .executableNotFound, stage: "exec", errno: number, message: "\(name) is not in the sandbox",
                hint: "check the name; it must be a path in the sandbox, or be found in PATH"
            )
        case (ISOLATE_STAGE_EXEC, E2BIG):
            self.init(
                .argumentsTooLarge, stage: "exec", errno: number,
                message: "the arguments and environment of \(name) are too large for the kernel",
                hint:
                    "put data in a file, or raise the stack limit: the kernel gives a quarter of it to arguments"
            )
        case (ISOLATE_STAGE_EXEC, ELIBACC):
            self.init(
                .executableNotRunnable, stage: "exec", errno: number,
                message:
                    "\(name) cannot be executed: its interpreter or dynamic linker is not in the sandbox",
                hint: "check its first line, or link it statically")
        case (ISOLATE_STAGE_EXEC, _):
            self.init(
                .executableNotRunnable, stage: "exec", errno: number,
                message: "\(name) cannot be executed: \(reason)",
                hint: "it must be a regular file with execute permission, for this processor")
        case (ISOLATE_STAGE_DIRECTORY, _):
            self.init(
                number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, stage: "directory",
                errno: number,
                message:
                    "the directory \(Validation.quoted(command.directory ?? "/work")) cannot be entered: \(reason)",
                hint: "give a directory of the sandbox, or write a file into it first")
        case (ISOLATE_STAGE_RLIMITS, _), (ISOLATE_STAGE_LIMITS, _):
            self.init(
                .invalidLimit, stage: failure.stageName, errno: number,
                message: "a limit could not be put in force (\(failure.index)): \(reason)",
                hint:
                    "openFiles, stack, fileSize and cpuTime cannot be above the hard limits of this process (ulimit -H -a)"
            )
        default:
            self.init(failure, while: "starting \(name)")
        }
    }
}

/// Errors of files below `/work`.
enum FileErrors {
    static func error(errno number: Int32, path: String) -> SandboxError {
        let name = Validation.quoted(path)
        let reason = describe(errno: number)
        switch number {
        case ENOENT, ENOTDIR:
            return SandboxError(
                .fileNotFound, stage: "file", errno: number, message: "\(name) is not in /work",
                hint: "check the name; names are relative to /work")
        case ELOOP, ENXIO, EISDIR, EXDEV:
            return SandboxError(
                .notRegularFile, stage: "file", errno: number,
                message: "\(name) is not a regular file: \(reason)",
                hint: "links, directories, FIFOs, sockets and devices are not followed nor read")
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
