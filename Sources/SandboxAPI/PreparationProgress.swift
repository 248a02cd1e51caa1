/// How far a backend is with what a caller waits for before a program can start.

/// A step of preparing an image or a sandbox, as it begins, goes on and ends. For people who wait: what it
/// says is a snapshot, and decides nothing.
public struct PreparationProgress: Sendable, Hashable {
    /// What is being done. Later versions may have more steps.
    public struct Step: Sendable, Hashable, RawRepresentable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// An archive is read for its digest.
        public static let reading = Step(rawValue: "reading")
        /// An archive is unpacked.
        public static let unpacking = Step(rawValue: "unpacking")
        /// An archive waits to be unpacked: another task or process may be doing it.
        public static let waiting = Step(rawValue: "waiting")
        /// An archive is given to a Docker Engine.
        public static let loading = Step(rawValue: "loading")
        /// The engine gets an image from its registry.
        public static let pulling = Step(rawValue: "pulling")
        /// A container is made and started.
        public static let starting = Step(rawValue: "starting")
    }

    /// The same for all reports of one preparation, and no other in this process. Its step may change.
    public let preparation: Int
    public let step: Step
    /// The image's name as the caller gave it. May contain any character: make it harmless before you print
    /// it on a terminal.
    public let image: String
    /// Bytes so far, at most ``totalBytes``; 0 where the step has no bytes.
    public let completedBytes: Int
    /// Bytes in all, as far as they are known by now; `nil` where they are not.
    public let totalBytes: Int?
    /// The preparation succeeded, failed or was cancelled. A report that another thread made before may still come
    /// after this one.
    public let isFinished: Bool

    package init(
        preparation: Int, step: Step, image: String, completedBytes: Int = 0, totalBytes: Int? = nil,
        isFinished: Bool = false
    ) {
        self.preparation = preparation
        self.step = step
        self.image = image
        self.completedBytes = completedBytes
        self.totalBytes = totalBytes
        self.isFinished = isFinished
    }
}
