/// How long the calls of an engine may take.

#if Docker
import SandboxAPI
import SandboxRuntime

/// The bounds of waiting for an engine.
public struct EngineTimeouts: Sendable, Hashable {
    /// For any sign of life of an engine that owes an answer: it is asked a plain question meanwhile, and one that does
    /// not answer that is given up, whatever else it was asked.
    public var sign: Duration
    /// For a connection, its TLS handshake included.
    public var connect: Duration
    /// For the whole answer of a plain request.
    public var answer: Duration
    /// For the answer of a request that starts, makes or ends a container.
    public var slowAnswer: Duration
    /// For the longest silence while an image is pulled or loaded.
    public var silence: Duration

    public init(
        sign: Duration = .seconds(2), connect: Duration = .seconds(2), answer: Duration = .seconds(15),
        slowAnswer: Duration = .seconds(30), silence: Duration = .seconds(600)
    ) {
        self.sign = sign
        self.connect = connect
        self.answer = answer
        self.slowAnswer = slowAnswer
        self.silence = silence
    }

    /// - Throws: `.invalidArgument`, naming the first one that is not more than 0.
    func validate() throws(SandboxError) {
        let all = [
            ("sign", sign), ("connect", connect), ("answer", answer), ("slowAnswer", slowAnswer),
            ("silence", silence),
        ]
        for (name, duration) in all where duration <= .zero {
            throw SandboxError(
                .invalidArgument, message: "the engine's timeout \(name) is not more than 0",
                hint: "give some seconds")
        }
    }
}
#endif
