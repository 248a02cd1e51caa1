/// How long the calls of an engine may take.

#if Docker
    /// The bounds of waiting for an engine. Waiting for a container's end has none of its own.
    package struct EngineTimeouts: Sendable, Hashable {
        /// For a connection, its TLS handshake included.
        package var connect: Duration
        /// For the whole answer of a plain request.
        package var answer: Duration
        /// For the answer of a request that starts, makes or ends a container.
        package var slowAnswer: Duration
        /// For the longest silence while an image is pulled or loaded.
        package var silence: Duration

        package init(
            connect: Duration = .seconds(2), answer: Duration = .seconds(30),
            slowAnswer: Duration = .seconds(60), silence: Duration = .seconds(600)
        ) {
            self.connect = connect
            self.answer = answer
            self.slowAnswer = slowAnswer
            self.silence = silence
        }
    }
#endif
