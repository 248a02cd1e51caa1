/// Tests the texts of errors: the cause by name, and a hint for that cause and no other.

import CIsolate
import Glibc
import Testing

@testable import Sandbox
@testable import SandboxRuntime

struct HintTests {
    private static func failure(_ stage: isolate_stage, _ errno: Int32, _ index: Int32 = 0) -> isolate_failure
    {
        isolate_failure(stage: Int32(stage.rawValue), errno_value: errno, index: index)
    }

    @Test(
        arguments: [
            (7, "openFiles", "ulimit -Hn"), (3, "stack", "ulimit -Hs"), (1, "fileSize", "ulimit -Hf"),
            (0, "cpuTime", "ulimit -Ht"), (6, "processes", "ulimit -Hu"),
        ] as [(Int32, String, String)])
    func hardLimitsAreNamed(resource: Int32, limit: String, command: String) {
        let error = SandboxError(
            runFailure: Self.failure(ISOLATE_STAGE_RLIMITS, EPERM, resource), command: Command("/bin/true"))
        #expect(error.code == .invalidLimit)
        #expect(error.message.contains("the limit \(limit) could not"))
        #expect(error.hint?.contains(command) == true)
    }

    /// A shortage is reported as a shortage, at whatever step it occurred.
    @Test(arguments: [
        ISOLATE_STAGE_CLONE_SLOT, ISOLATE_STAGE_CGROUP, ISOLATE_STAGE_SECCOMP, ISOLATE_STAGE_START,
    ])
    func shortagesAreNoRefusals(stage: isolate_stage) {
        for (number, words) in [(EMFILE, "ulimit -n"), (ENFILE, "fs.file-max"), (ENOMEM, "out of memory")] {
            let hint = SandboxError(Self.failure(stage, number), while: "making a slot").hint
            #expect(hint?.contains(words) == true, "\(hint ?? "")")
        }
        let refused = SandboxError(Self.failure(ISOLATE_STAGE_CLONE_SLOT, EPERM), while: "making a slot").hint
        #expect(refused?.contains("namespaces were refused") == true)
    }

    @Test func aChrootIsTold() {
        let usual = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n25 22 0:5 / /proc rw - proc proc rw\n"
        let chroot = "25 22 0:5 / /proc rw - proc proc rw\n"
        #expect(!LocalMends.isChroot(mountinfo: usual))
        #expect(LocalMends.isChroot(mountinfo: chroot))
        // Without the file nothing is known.
        #expect(!LocalMends.isChroot(mountinfo: ""))
    }
}
