/// Finds out what this host offers by trying it: the value that `sandbox doctor` prints.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

extension LocalBackend {
    /// Tries every layer: makes real cells and runs a real program. The report names what failed and what
    /// mends it.
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
        let world = await LocalHost.ofProcess.trial(.init()).world
        var entries = [supervisorEntry(trial, failure), userEntry(world), cgroupEntry(world)]
        entries += IsolationLayer.allCases.map { layerEntry($0, trial?.isolation, world) }
        entries.append(await writableEntry())
        entries += toolEntries()
        return HostReport(
            kernel: kernel, machine: machine, entries: entries, level: trial?.isolation.level,
            cgroup: trial?.isolation.cgroup ?? .none, disturbances: HostDisturbances.find())
    }

    private static func trialRun() async -> (RunResult?, SandboxError?) {
        let backend = LocalBackend(Configuration(minimum: 0, maximum: 1))
        let options = SandboxOptions(isolation: .minimal)
        do throws(SandboxError) {
            let result = try await backend.run(Command("/bin/true"), options: options)
            await backend.shutdown()
            return (result, nil)
        } catch {
            await backend.shutdown()
            return (nil, error)
        }
    }

    private static func supervisorEntry(_ trial: RunResult?, _ failure: SandboxError?) -> HostReport.Entry {
        guard let failure else {
            return HostReport.Entry(
                name: "supervisor", isAvailable: true,
                detail: "ran /bin/true: \(trial.map { "\($0.outcome)" } ?? "")")
        }
        let mend = failure.hint.flatMap { $0.contains("sandbox doctor") ? nil : $0 }
        return HostReport.Entry(
            name: "supervisor", isAvailable: false, detail: failure.message,
            mend: mend ?? LocalMends.mend(.userNamespace))
    }

    private static func userEntry(_ world: LocalWorld?) -> HostReport.Entry {
        let user = geteuid()
        let has = world?.isPrivileged == true
        return HostReport.Entry(
            name: "privileges", isAvailable: has,
            detail: has
                ? "user \(user), may give programs user ids of their own"
                : LocalMends.lackingForIds.map {
                    "user \(user) without \($0): programs get no user ids of their own"
                } ?? "user \(user), an ordinary one: no privilege is needed, and none is used",
            mend: has ? nil : LocalMends.privileges)
    }

    private static func cgroupEntry(_ world: LocalWorld?) -> HostReport.Entry {
        guard let world, world.cgroup != .none else {
            return HostReport.Entry(
                name: "cgroup", isAvailable: false,
                detail: (world?.cgroupReason ?? "no trial cell could be made")
                    + "; limits are kept by rlimits and sampling",
                mend: LocalMends.mend(.cgroupMemory))
        }
        return HostReport.Entry(
            name: "cgroup", isAvailable: true,
            detail: "\(world.cgroup.rawValue)" + (world.cgroupReason.map { "; \($0)" } ?? ""))
    }

    private static func layerEntry(
        _ layer: IsolationLayer, _ report: IsolationReport?, _ world: LocalWorld?
    ) -> HostReport.Entry {
        guard let report else {
            return HostReport.Entry(
                name: layer.rawValue, isAvailable: false, detail: "not reached: the trial run failed",
                mend: "mend the supervisor line first")
        }
        if report.layers.contains(layer) {
            let detail =
                layer == .landlock ? "in force, ABI \(isolate_landlock_abi())" : "in force in the trial run"
            return HostReport.Entry(name: layer.rawValue, isAvailable: true, detail: detail)
        }
        let reason = world?.reasons([layer]).first ?? "not in force in the trial run"
        return HostReport.Entry(
            name: layer.rawValue, isAvailable: false,
            detail: ([reason] + LocalHoles.holes([layer], landlock: isolate_landlock_abi())).joined(
                separator: "; "),
            mend: LocalMends.mend(layer))
    }

    private static func writableEntry() async -> HostReport.Entry {
        switch await LocalHost.ofProcess.trial(.init(isWritable: true)) {
        case .success(let world):
            return HostReport.Entry(
                name: "writableRootfs", isAvailable: true,
                detail: world.isPrivileged
                    ? "the host's files and every image" : "images that this library unpacked itself")
        case .failure(let error):
            let hasNoOverlay = error.stage == ISOLATE_STAGE_OVERLAY.name
            return HostReport.Entry(
                name: "writableRootfs", isAvailable: false, detail: error.message,
                mend: hasNoOverlay ? error.hint : LocalMends.mend(.userNamespace))
        }
    }

    private static func toolEntries() -> [HostReport.Entry] {
        [("compiler", "/usr/bin/g++", "g++"), ("python", "/usr/bin/python3", "python3")].map {
            name, path, package in
            let isThere = access(path, X_OK) == 0
            return HostReport.Entry(
                name: name, isAvailable: isThere, detail: isThere ? path : "\(path) is not there",
                mend: isThere ? nil : "apt-get install \(package)")
        }
    }
}
