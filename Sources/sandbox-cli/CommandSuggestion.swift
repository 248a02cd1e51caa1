/// What a misspelt subcommand may have meant.

#if CLI
import ArgumentParser
import Runners
import Sandbox

/// The complaint about a command line whose subcommand does not exist.
struct CommandSuggestion: Equatable {
    var message: String
    var hint: String

    /// - Parameter arguments: without the command's own name.
    /// - Returns: `nil` when the subcommands are right, or there is none.
    init?(_ arguments: [String]) {
        var command: any ParsableCommand.Type = SandboxTool.self
        var path = ["sandbox"]
        for word in arguments.first == "help" ? arguments.dropFirst() : arguments[...] {
            let subcommands = command.configuration.subcommands
            if subcommands.isEmpty { return nil }
            if word.hasPrefix("-") {
                let known = arguments.first { word in subcommands.contains { $0.isCalled(word) } }
                guard let known, !["-h", "--help", "--version"].contains(word) else { return nil }
                message = "`\(Self.shown(word))` stands before the subcommand"
                hint = "options come behind it: \(path.joined(separator: " ")) \(known) [options]"
                return
            }
            guard let next = subcommands.first(where: { $0.isCalled(word) }) else {
                let names = subcommands.map { $0.configuration.commandName ?? "" }
                let place = path.joined(separator: " ")
                message = "`\(place)` has no subcommand '\(Self.shown(word))'"
                hint = Self.hint(word, place, names)
                return
            }
            command = next
            path.append(word)
        }
        return nil
    }

    private static func hint(_ word: String, _ place: String, _ names: [String]) -> String {
        if let name = nearest(to: word, of: names) { return "did you mean `\(place) \(name)`?" }
        let suffix = SourceName.suffix(of: ArgumentText.bytes(of: word))
        if place == "sandbox", isSource(suffix) {
            return "to run a source: sandbox run \(shown(word))"
        }
        return "it has \(names.joined(separator: ", ")); see `\(place) --help`"
    }

    private static func isSource(_ suffix: String) -> Bool {
        #if Languages
        // A catalog that cannot be made is told where it is used.
        (try? KnownLanguages(nil))?.language(ofSuffix: suffix) != nil
        #else
        Language(fileSuffix: suffix) != nil
        #endif
    }

    private static func shown(_ word: String) -> String {
        TerminalText.visible(ArgumentText.readable(word))
    }

    /// The name that was most likely meant: one that begins with the word, or that at most two typing errors
    /// lead to, and one in a short word.
    static func nearest(to word: String, of names: [String]) -> String? {
        let most = word.count < 5 ? 1 : 2
        let ranked = names.map { name in
            (name, word.count > 1 && name.hasPrefix(word) ? 1 : typingErrors(between: word, and: name))
        }
        return ranked.filter { $0.1 <= most }.min { $0.1 < $1.1 }?.0
    }

    /// How many characters were left out, added, replaced, or exchanged with their neighbour.
    static func typingErrors(between a: String, and b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        // rows[i][j]: the number for the first i characters of a and the first j of b.
        var rows = [Array(0...b.count)]
        for i in 1..<(a.count + 1) {
            var row = [i]
            for j in 1..<(b.count + 1) {
                let replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                var least = min(rows[i - 1][j] + 1, row[j - 1] + 1, replaced)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, rows[i - 2][j - 2] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}

extension ParsableCommand {
    fileprivate static func isCalled(_ word: String) -> Bool {
        configuration.commandName == word || configuration.aliases.contains(word)
    }
}
#endif
