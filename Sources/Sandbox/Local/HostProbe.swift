/// What this host offers, found by doing.

import CIsolate
import Glibc

extension LocalBackend {
    /// Tries every layer: starts a real supervisor and runs a real program, and names what failed.
    public static func probeHost() async -> HostReport {
        var names = utsname()
        uname(&names)
        let kernel = withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let machine = withUnsafeBytes(of: &names.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let (trial, failure) = await trialRun()
        var entries = [rootEntry()]
        entries.append(cgroupEntry(trial))
        entries.append(supervisorEntry(trial, failure))
        let layers = trial?.isolation.layers ?? []
        entries += IsolationLayer.allCases.map { layerEntry($0, isThere: layers.contains($0), failure) }
        for (name, path, package) in [
            ("compiler", "/usr/bin/g++", "g++"), ("python", "/usr/bin/python3", "python3"),
        ] {
            let isThere = access(path, X_OK) == 0
            entries.append(
                HostReport.Entry(
                    name: name, isAvailable: isThere, detail: isThere ? path : "\(path) is not there",
                    mend: isThere ? nil : "apt-get install \(package)"))
        }
        return HostReport(
            kernel: kernel, machine: machine, entries: entries, level: trial == nil ? nil : .strong,
            cgroup: trial?.isolation.cgroup ?? .none)
    }

    private static func trialRun() async -> (RunResult?, SandboxError?) {
        let backend = LocalBackend(Configuration(minimum: 0, maximum: 1))
        do throws(SandboxError) {
            let result = try await backend.run(Command("/bin/true"))
            await backend.shutdown()
            return (result, nil)
        } catch {
            await backend.shutdown()
            return (nil, error)
        }
    }

    private static func rootEntry() -> HostReport.Entry {
        let isRoot = geteuid() == 0
        return HostReport.Entry(
            name: "root", isAvailable: isRoot,
            detail: isRoot ? "running as root" : "running as user \(geteuid())",
            mend: isRoot ? nil : "sudo sandbox …   (this version's local backend needs root)")
    }

    private static func cgroupEntry(_ trial: RunResult?) -> HostReport.Entry {
        var choice = isolate_cgroup_choice()
        isolate_cgroup_choose(0, 0, &choice)
        func text<T>(_ characters: T) -> String {
            withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        let kind = CgroupVersion(choice.kind)
        if kind == .none, let made = trial?.isolation.cgroup, made != .none {
            return HostReport.Entry(
                name: "cgroup", isAvailable: true,
                detail: "\(made.rawValue), in a scope that systemd makes on demand")
        }
        guard kind == .none else {
            return HostReport.Entry(
                name: "cgroup", isAvailable: true, detail: "\(kind.rawValue), in \(text(choice.parent.0))")
        }
        return HostReport.Entry(
            name: "cgroup", isAvailable: false, detail: text(choice.reason),
            mend:
                "systemd-run --user --scope -p Delegate=yes PROGRAM   (cgroup v2 with systemd), or run as root"
        )
    }

    private static func supervisorEntry(_ trial: RunResult?, _ failure: SandboxError?) -> HostReport.Entry {
        guard let failure else {
            return HostReport.Entry(
                name: "supervisor", isAvailable: true,
                detail: "ran /bin/true: \(trial.map { "\($0.outcome)" } ?? "")")
        }
        return HostReport.Entry(
            name: "supervisor", isAvailable: false, detail: failure.message, mend: failure.hint)
    }

    private static func layerEntry(
        _ layer: IsolationLayer, isThere: Bool, _ failure: SandboxError?
    ) -> HostReport.Entry {
        if isThere {
            let detail =
                layer == .landlock ? "in force, ABI \(isolate_landlock_abi())" : "in force in the trial run"
            return HostReport.Entry(name: layer.rawValue, isAvailable: true, detail: detail)
        }
        if failure != nil {
            return HostReport.Entry(
                name: layer.rawValue, isAvailable: false, detail: "not reached: the trial run failed",
                mend: "mend the supervisor line first")
        }
        return HostReport.Entry(
            name: layer.rawValue, isAvailable: false, detail: "this kernel does not offer it",
            mend: layer == .landlock
                ? "boot with lsm=landlock,… on a kernel with CONFIG_SECURITY_LANDLOCK" : nil)
    }
}
