/// A markdown table, printed when it is complete.

import Glibc

struct Table {
    private var rows: [[String]]

    init(_ head: String...) { rows = [head, head.indices.map { $0 == 0 ? "---" : "---:" }] }

    mutating func add(_ cells: String...) { rows.append(cells) }

    func print() {
        let text = rows.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
        Swift.print(text + "\n")
        fflush(nil)
    }
}

extension Double {
    /// The number with this many decimals; a dash when there is none.
    func text(_ digits: Int) -> String {
        guard isFinite else { return "-" }
        return withVaList([self]) { arguments in
            var buffer = [CChar](repeating: 0, count: 64)
            let count = vsnprintf(&buffer, buffer.count, "%.\(digits)f", arguments)
            return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
