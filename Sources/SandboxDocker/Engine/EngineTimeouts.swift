/// How long an engine's answers may take.

#if Docker
import SandboxAPI
import SandboxRuntime

/// The time limits for an engine.
public struct EngineTimeouts: Sendable, Hashable {
    /// For any sign of life while an answer is due: the client pings the engine meanwhile, and gives up an
    /// engine that does not answer the ping, whatever the request was.
    public var sign: Duration
    /// For making a connection, its TLS handshake included.
    public var connect: Duration
    /// For the whole answer of an ordinary request.
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

    /// - Throws: `.invalidArgument`, with the first property that is not more than 0.
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
