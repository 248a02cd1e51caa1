/// Checks who is connected with whom, and decides how. Pure.

import SandboxAPI

/// The connections of a conversation by the indices of its participants.
struct ConversationPlan: Sendable {
    struct Link: Sendable {
        var connection: Connection
        var source: Int
        var target: Int
        var form: ConnectionReport.Form
    }

    private(set) var links: [Link] = []

    /// - Parameters:
    ///   - names: of the participants.
    ///   - hasInput: whether each has a stdin of its own.
    /// - Throws: `.invalidArgument` that names the participant or the connection.
    init(names: [String], hasInput: [Bool], connections: [Connection]) throws(SandboxError) {
        guard !names.isEmpty else {
            throw Self.invalid("a conversation without participants", "give one or more")
        }
        var indices: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            guard !name.isEmpty, indices.updateValue(index, forKey: name) == nil else {
                throw Self.invalid(
                    "the name of participant \(index), \"\(name)\", is empty or not the only one of its kind",
                    "give each participant a name of its own")
            }
        }
        var sources: Set<Connection> = []
        for connection in connections {
            guard let source = indices[connection.source], let target = indices[connection.target] else {
                throw Self.invalid(
                    "a connection leads from \"\(connection.source)\" to \"\(connection.target)\", of whom one takes no part",
                    "the participants are \(names.joined(separator: ", "))")
            }
            guard source != target else {
                throw Self.invalid(
                    "a connection leads from \"\(connection.source)\" to itself", "connect two participants")
            }
            guard sources.insert(Connection(from: connection.source, connection.stream, to: "")).inserted
            else {
                throw Self.invalid(
                    "two connections lead from the \(connection.stream) of \"\(connection.source)\"",
                    "an output leads to one place")
            }
            guard !hasInput[target] else {
                throw Self.invalid(
                    "\"\(connection.target)\" has a stdin of its own and a connection", "give it one of them")
            }
            links.append(Link(connection: connection, source: source, target: target, form: .relayedStream))
        }
    }

    private static func invalid(_ message: String, _ hint: String) -> SandboxError {
        SandboxError(.invalidArgument, message: message, hint: hint)
    }

    /// Chooses each connection's form.
    ///
    /// - Parameters:
    ///   - takesDescriptors: whether each participant's programs can have this process's descriptors.
    ///   - isRecorded: whether there is a transcript.
    mutating func choose(takesDescriptors: [Bool], isRecorded: Bool) {
        // Two descriptions of one pipe's end would be shared by two programs: what one of them set for it (O_NONBLOCK)
        // would be the other's, too. So several sources of one stdin are relayed. And a stdin has one kind of source.
        for target in takesDescriptors.indices {
            let into = links.indices.filter { links[$0].target == target }
            let isLocal = takesDescriptors[target] && into.allSatisfy { takesDescriptors[links[$0].source] }
            let form: ConnectionReport.Form =
                !isLocal ? .relayedStream : isRecorded || into.count > 1 ? .relayedPipe : .pipe
            for index in into { links[index].form = form }
        }
    }

    /// Those whose outputs lead to this participant's stdin.
    func sources(of target: Int) -> [Int] { links.filter { $0.target == target }.map(\.source) }
}
