/// The seccomp profile that the engine applies to the backend's containers.

#if Docker
import CIsolate

/// Of two filters the kernel applies the stricter answer. The engine's default profile refuses calls with
/// EPERM that the library's filter would report by name. So the backend gives the engine a profile that
/// allows all calls known to the library's policy, and the filter that the agent installs for each program
/// decides about them. Both refuse a call that the policy does not know. This is safe for the agent itself:
/// the calls that the default profile would deny it need capabilities that it does not have.
enum SeccompProfile {
    /// The value of the security option `seccomp=`.
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
