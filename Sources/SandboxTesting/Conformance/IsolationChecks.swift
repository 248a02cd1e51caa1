/// Checks that a backend gives the isolation it promises, and refuses requests for more.

import Glibc
import SandboxAPI

enum IsolationChecks {
    static let all = [report, refusals, ownFiles, readOnlyRoot, writableRoot, bindMounts, processes, status]

    static let report = ConformanceCheck("The isolation report is what the capabilities promise") { it in
        try await it.withSandbox { sandbox in
            let report = sandbox.isolation
            let isLevel =
                report.level == it.capabilities.level
                || it.combinesBackends && report.level > it.capabilities.level
            it.check(isLevel, "level \(report.level) of \(it.capabilities.level)")
            // In a writable root the program must own the files, so it may be the embedder's own user.
            let given: Set<IsolationLayer> = it.options.rootfs == .writable ? [.distinctUser] : []
            let lacking = it.capabilities.layers.subtracting(report.layers).subtracting(given)
            it.check(lacking.isEmpty, "promised and not given: \(lacking)")
            it.check(Set(report.layers).count == report.layers.count, "layers stand twice: \(report.layers)")
            it.check(Set(report.layers).isDisjoint(with: report.missing), "given and missing: \(report)")
            it.check(
                report.missing.isEmpty == report.reasons.isEmpty, "missing layers and reasons: \(report)")
            if report.level < .strong {
                it.check(!report.missing.isEmpty, "no layer is missing at \(report.level)")
            }
            if report.level == .unconfined { it.check(!report.holes.isEmpty, "no isolation, and no holes") }
        }
    }

    static let refusals = ConformanceCheck("What the backend does not have is an error, never something less")
    { it in
        for level in IsolationLevel.allCases where level > it.capabilities.level {
            var options = it.options
            options.isolation = level
            await refuses(it, .isolationUnavailable, options) { $0.isolation.level >= level }
        }
        for rootfs in Rootfs.allCases where !it.capabilities.rootfsModes.contains(rootfs) {
            var options = it.options
            options.rootfs = rootfs
            await refuses(it, .writableRootfsUnavailable, options) { _ in false }
        }
        var options = it.options
        options.bindMounts = [BindMount("/usr", at: "/bind-mount")]
        if !it.capabilities.hasBindMounts { await refuses(it, .isolationUnavailable, options) { _ in true } }
        options.bindMounts = []
        options.image = .reference("no/such/image:ever")
        await it.expectError(.imageUnavailable) { try await it.backend.acquire(options) }
        let statistics = it.backend.statistics
        it.check(statistics.inUse == 0, "\(statistics.inUse) in use after nobody was given anything")
    }

    /// What is not promised is refused. Of combined backends one may give it all the same, and then has to give what was
    /// asked for.
    private static func refuses(
        _ it: ConformanceContext, _ code: SandboxError.Code, _ options: SandboxOptions,
        isWhatWasAskedFor: (any SandboxLease) -> Bool
    ) async {
        guard it.combinesBackends else {
            return await it.expectError(code) { try await it.backend.acquire(options) }
        }
        do {
            let sandbox = try await it.backend.acquire(options)
            it.check(isWhatWasAskedFor(sandbox), "asked for \(options), and given \(sandbox.isolation)")
            await sandbox.close()
        } catch {
            it.check(error.code == code, "expected the error \(code), but it was \(error)")
        }
    }

    static let bindMounts = ConformanceCheck(
        "A directory of the host is read where it is bound, and not changed", if: \.hasBindMounts
    ) { it in
        var options = it.options
        options.bindMounts = [BindMount("/usr", at: "/bind-mount")]
        try await it.backend.withSandbox(options) { sandbox in
            let listed = try await sandbox.run(
                it.shell("for file in /bind-mount/*; do echo found; exit; done"))
            it.expect(listed, exited: 0, stdout: "found\n")
            let line =
                "(echo x > /bind-mount/new) 2>/dev/null && echo written; test -e /bind-mount/new && echo there"
            it.expect(try await sandbox.run(it.shell(line + "; true")), exited: 0, stdout: "")
        }
        try await it.withSandbox { sandbox in
            it.expect(try await sandbox.run(it.shell("test -e /bind-mount")), exited: 1)
        }
        options.bindMounts = [BindMount("/no/such/directory", at: "/bind-mount")]
        await it.expectError(.invalidArgument) { try await it.backend.acquire(options) }
        options.bindMounts = [BindMount("/usr", at: "/work")]
        await it.expectError(.invalidArgument) { try await it.backend.acquire(options) }
    }

    private static func has(
        _ layer: IsolationLayer, mode: Rootfs? = nil
    ) -> @Sendable (BackendCapabilities) -> Bool {
        { $0.layers.contains(layer) && (mode.map($0.rootfsModes.contains) ?? true) }
    }

    static let ownFiles = ConformanceCheck(
        "The host's files are out of reach, and /work is where it says", if: has(.rootfs)
    ) { it in
        try await it.withHostFile(Array("secret".utf8)) { path in
            it.expect(
                try await it.run("test ! -e \"$1\" && pwd", [ByteString(path)]), exited: 0, stdout: "/work\n")
        }
    }

    static let readOnlyRoot = ConformanceCheck(
        "A read-only root cannot be written to",
        if: has(.rootfs, mode: .readOnly)
    ) { it in
        guard it.options.rootfs == .readOnly else { return }
        let result = try await it.run(
            "for place in /usr /etc /; do (echo x > $place/conformance) 2>&- && echo $place; done; exit 0")
        it.expect(result, exited: 0, stdout: "")
    }

    static let writableRoot = ConformanceCheck(
        "A writable root is written to, and only for its own sandbox",
        if: has(.rootfs, mode: .writable)
    ) { it in
        guard it.options.rootfs == .writable else { return }
        let line =
            "test ! -e /usr/conformance && echo own > /usr/conformance && \(it.tools.cat) /usr/conformance"
        for _ in 0..<2 { it.expect(try await it.run(line), exited: 0, stdout: "own\n") }
    }

    static let processes = ConformanceCheck("The embedder cannot be sent a signal", if: has(.pidNamespace)) {
        it in
        it.expect(try await it.run("kill -0 \(getpid()) 2>&-; test $? -ne 0"), exited: 0)
    }

    static let status = ConformanceCheck("The kernel says of the program what the report says") { it in
        let result = try await it.run("while read -r line; do echo \"$line\"; done < /proc/self/status")
        var fields: [Substring: String] = [:]
        for line in result.stdoutText.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1].filter { !$0.isWhitespace } }
        }
        // Without /proc these fields cannot be read.
        guard result.outcome.isSuccess, !fields.isEmpty else {
            it.check(
                !it.capabilities.layers.contains(.maskedProc),
                "/proc cannot be read:\n\(result.testDescription)")
            return
        }
        func check(_ layer: IsolationLayer, _ field: Substring, _ expected: String) {
            guard result.isolation.layers.contains(layer) else { return }
            it.check(fields[field] == expected, "\(layer): \(field) is \(fields[field] ?? "not there")")
        }
        check(.noNewPrivileges, "NoNewPrivs", "1")
        check(.seccomp, "Seccomp", "2")
        check(.capabilities, "CapEff", "0000000000000000")
    }
}
