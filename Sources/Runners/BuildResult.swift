/// The result of building a source without running it.

/// What ``LanguageRunner/build(_:_:on:)`` returns: a source that does not compile has a report and no program.
public struct BuildResult: Sendable, Hashable {
    /// What the compiler did; `nil` when there was nothing to compile.
    public var compile: CompileReport?
    /// The program; `nil` when compiling did not succeed.
    public var program: Program?

    public init(compile: CompileReport?, program: Program?) {
        self.compile = compile
        self.program = program
    }
}
