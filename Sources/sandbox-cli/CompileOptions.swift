/// The options of `run` for its compiler.

#if CLI
public import ArgumentParser
import Runners
import Sandbox

extension CppStandard: ExpressibleByArgument {}

struct CompileOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: .init("The C++ standard.", valueName: "std"))
    var std: CppStandard?

    @Option(
        name: .customLong("compile-flag"), parsing: .unconditionalSingleValue,
        help: .init("A flag for the compiler, behind its -O2; repeatable.", valueName: "flag"))
    var flags: [ByteString] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A header or module put beside the source, under NAME if given; repeatable.",
            valueName: "file[:name]"),
        completion: .file(), transform: InputFileOption.parse)
    var include: [InputFileOption] = []

    func runner(_ headers: [InputFile], limits: Limits) -> CppRunner {
        var runner = CppRunner(compileLimits: limits, headers: headers)
        if let std { runner.standard = std }
        // A linker takes from a library only the symbols that the source before it uses.
        runner.linkFlags = flags.filter { $0.bytes.starts(with: "-l".utf8) }
        runner.flags += flags.filter { !$0.bytes.starts(with: "-l".utf8) }
        return runner
    }

    /// Throws for options that have no effect in a language without a compiler.
    func refuseCompiler() throws(SandboxError) {
        guard std != nil || !flags.isEmpty else { return }
        throw SandboxError(
            .invalidArgument,
            message:
                "`\(std != nil ? "--std" : "--compile-flag")` is for a compiler, and this language has none",
            hint: "leave it out")
    }
}
#endif
