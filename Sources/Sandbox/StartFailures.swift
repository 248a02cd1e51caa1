/// Converts a supervisor's failure to start to the caller's error.

import CIsolate
import SandboxAPI
import SandboxRuntime

extension SandboxError {
    /// The error of a supervisor that could not start, or whose host provides too little.
    init(_ failure: isolate_failure, starting setup: Supervisor.Setup) {
        self.init(failure, while: "starting the supervisor", bindMounts: setup.bindMounts)
        guard setup.failStage == 0 else { return }
        let reason = "\(failure.stageName): \(describe(errno: failure.errno_value))"
        switch isolate_stage(UInt32(failure.stage)) {
        case ISOLATE_STAGE_OVERLAY where setup.isWritable:
            self.init(
                .writableRootfsUnavailable, stage: failure.stageName, errno: failure.errno_value,
                message: "this host has no overlay for a writable root file system (\(reason))",
                hint:
                    "as root the image's file system must allow idmapped mounts (kernel 5.19, ext4, xfs, btrfs, tmpfs); "
                    + "an ordinary user needs kernel 6.6; or use .readOnly"
            )
        case ISOLATE_STAGE_NETWORK where setup.network == .loopback:
            self.init(
                .isolationUnavailable, stage: failure.stageName, errno: failure.errno_value,
                message:
                    "network loopback needs a network namespace of its own, which this host does not give (\(reason))",
                hint: LocalMends.mends([.networkNamespace]).first ?? "use network none")
        case ISOLATE_STAGE_CLONE_SLOT, ISOLATE_STAGE_ID_MAP, ISOLATE_STAGE_CREDENTIALS,
            ISOLATE_STAGE_MOUNT_ROOT, ISOLATE_STAGE_DEV, ISOLATE_STAGE_PIVOT, ISOLATE_STAGE_LANDLOCK,
            ISOLATE_STAGE_SECCOMP, ISOLATE_STAGE_RLIMITS:
            let needs =
                setup.isWritable
                ? "a writable root file system"
                : setup.root != nil ? "an image" : setup.bindMounts.isEmpty ? "any level" : "bind mounts"
            self.init(
                setup.isWritable ? .writableRootfsUnavailable : .isolationUnavailable,
                stage: failure.stageName, errno: failure.errno_value,
                message: "this host cannot give \(needs): refused at \(reason)",
                hint: Self.isRootAlone(failure) ? LocalMends.mend(.rlimits) : "see `sandbox doctor`")
        default: break
        }
    }

    /// Whether user 0 may not change to another user: programs would run as user 0, whose processes the
    /// kernel does not count.
    private static func isRootAlone(_ failure: isolate_failure) -> Bool {
        failure.stage == Int32(ISOLATE_STAGE_RLIMITS.rawValue)
    }
}
