/// The engine's seccomp profile for our containers.

#if Docker
import CIsolate

/// Of two filters the stricter answer counts, and the engine's own profile refuses without a word what our filter
/// would name: a blocked call would be a plain EPERM. So the engine gets a profile of the calls that our policy
/// knows, and the filter that each program has besides it, which the agent installs before it starts one,
/// answers for them. A call that the policy does not know is refused by both. Safe for the agent itself: what the
/// usual profile would keep from it needs capabilities that it does not have.
enum SeccompProfile {
    /// As the value of `seccomp=` among the security options.
    static let json: String = {
        var names: [String] = []
        var index: UInt32 = 0
        while let name = isolate_policy_name(index) {
            names.append("\"\(String(cString: name))\"")
            index += 1
        }
        #if arch(x86_64)
        let architectures =
            #"[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}]"#
        #else
        let architectures =
            #"[{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}]"#
        #endif
        return #"{"defaultAction":"SCMP_ACT_ERRNO","archMap":\#(architectures),"#
            + #""syscalls":[{"names":[\#(names.joined(separator: ","))],"action":"SCMP_ACT_ALLOW"}]}"#
    }()
}
#endif
