/// `sandbox exec`: a program of the root file system, without a runner.

#if CLI
import ArgumentParser
import Sandbox

struct ExecCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a program of the root file system.",
        usage: "sandbox exec [<options>] -- PROGRAM [ARGUMENTS...]", discussion: exitStatusHelp)

    @OptionGroup var shared: SharedOptions

    @Option(
        parsing: .unconditional,
        help: .init("The working directory, relative to /work or absolute.", valueName: "dir"))
    var cwd: ByteString?

    @Argument(parsing: .postTerminator, help: "The program and its arguments, after --.")
    var program: [ByteString]

    func perform() async -> Int32 {
        let session = Session(shared, isShell: true)
        return await session.perform {
            let plan = try RunPlan(shared)
            let command = Command(
                program[0], Array(program.dropFirst()), environment: plan.environment, directory: cwd,
                inputFiles: plan.inputFiles)
            let streams = !shared.json
            let (run, fallbackReason) = try await session.withBackend { backend in
                try await backend.withSandbox(plan.options) { sandbox in
                    var run = FinishedRun()
                    if streams {
                        run = try await Self.stream(command, plan, in: sandbox)
                    } else {
                        run.result = try await sandbox.run(
                            command, stdin: plan.stdin, limits: plan.limits)
                    }
                    try await Self.collect(plan, from: sandbox, into: &run)
                    return run
                }
            }
            return try await ResultReport(
                plan: plan, compile: nil, compileLimits: shared.limits.compile, run: run,
                choice: shared.backend, fallbackReason: fallbackReason
            ).deliver(json: shared.json)
        }
    }

    /// Passes the output on while the program runs. A failed write to the command's stdout ends the run.
    private static func stream(
        _ command: Command, _ plan: RunPlan, in sandbox: any SandboxLease
    ) async throws -> FinishedRun {
        let (result, isMidLine) = try await sandbox.run(command, stdin: plan.stdin, limits: plan.limits) {
            try await OutputRelay().pass($0.output)
        }
        return FinishedRun(result: result, wasStreamed: true, isMidLine: isMidLine)
    }

    /// Reads the requested files, all together at most `limits.disk` bytes: sparse files could exceed it.
    private static func collect(
        _ plan: RunPlan, from sandbox: any SandboxLease, into run: inout FinishedRun
    ) async throws(SandboxError) {
        var room = plan.limits.disk
        for name in plan.outputs {
            do throws(SandboxError) {
                let file = try await sandbox.readFile(
                    name.path, maxBytes: min(room, plan.limits.fileSize))
                room -= file.bytes.count
                run.files[name.path] = file
            } catch {
                // These errors are about the program's file and go into the report; all others are failures
                // of the sandbox.
                switch error.code {
                case .fileNotFound, .notRegularFile, .fileTooLarge, .fileAccess:
                    run.uncollected[name.path] = error.code
                default: throw error
                }
            }
        }
    }
}
#endif
