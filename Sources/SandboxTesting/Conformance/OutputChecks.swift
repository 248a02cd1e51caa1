/// Checks of output: streams kept apart, every byte kept, cut exactly at the limit.

import SandboxAPI

enum OutputChecks {
    static let all = [apart, everyByte, large, bound, everyBound, beforeTheEnd]

    static let apart = ConformanceCheck("stdout and stderr stay apart") { it in
        let result = try await it.run("echo to stdout; echo to stderr >&2; exit 9")
        it.expect(result, exited: 9, stdout: "to stdout\n", stderr: "to stderr\n")
        it.check(!result.stdoutTruncated && !result.stderrTruncated, "truncated:\n\(result.testDescription)")
    }

    static let everyByte = ConformanceCheck("Any byte in any order comes through") { it in
        let bytes = (0...255).map { UInt8($0) } + [0xff, 0xfe, 0x00, 0x0d, 0x0a, 0x1a, 0xc0, 0x80]
        let result = try await it.run("exec \(it.tools.cat)", stdin: .bytes(bytes))
        it.expect(result, exited: 0)
        it.check(result.stdout == bytes, "bytes:\n\(result.testDescription)")
    }

    static let large = ConformanceCheck("Megabytes come through whole") { it in
        let bytes = ConformanceContext.pattern(3_000_017)
        var limits = ConformanceContext.patient
        limits.output = 4 << 20
        let result = try await it.run(
            "exec \(it.tools.cat) >&2", stdin: .bytes(bytes), limits: limits)
        it.expect(result, exited: 0, stdout: "")
        it.expectEqual(result.stderr, bytes, "3 MB of stderr")
    }

    static let bound = ConformanceCheck(
        "Exactly the output limit is kept whole, and what is more ends the run",
        if: enforces(.output)
    ) { it in
        var limits = ConformanceContext.patient
        limits.output = 10_000
        let bytes = ConformanceContext.pattern(10_000)
        for (target, isStdout) in [("", true), (" >&2", false)] {
            let line = "exec \(it.tools.cat)\(target)"
            let whole = try await it.run(line, stdin: .bytes(bytes), limits: limits)
            it.expect(whole, exited: 0)
            it.expectEqual(isStdout ? whole.stdout : whole.stderr, bytes, "exactly the bound")
            it.check(!whole.stdoutTruncated && !whole.stderrTruncated, "truncated:\n\(whole.testDescription)")

            let more = try await it.run(line, stdin: .bytes(bytes + [1]), limits: limits)
            it.expect(more, .limitExceeded(.output))
            it.expectEqual(isStdout ? more.stdout : more.stderr, bytes, "one byte more")
            it.check(
                more.stdoutTruncated == isStdout && more.stderrTruncated == !isStdout,
                "truncated:\n\(more.testDescription)")
        }
        let flood = try await it.run("while :; do echo flood; done", limits: limits)
        it.expect(flood, .limitExceeded(.output))
        it.check(flood.stdout.count == 10_000, "\(flood.stdout.count) bytes of a flood")
    }

    static let everyBound = ConformanceCheck(
        "Each stream has the output limit to itself", if: enforces(.output)
    ) { it in
        var limits = ConformanceContext.patient
        limits.output = 6
        it.expect(
            try await it.run("printf 123456; printf 654321 >&2", limits: limits), exited: 0, stdout: "123456",
            stderr: "654321")
    }

    static let beforeTheEnd = ConformanceCheck("What was written before the run was ended is kept") { it in
        let result = try await it.run("echo out; echo err >&2; kill -9 $$")
        it.expect(result, .signaled(signal: 9), stdout: "out\n", stderr: "err\n")
    }
}
