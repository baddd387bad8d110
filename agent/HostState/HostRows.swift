// What a script of host_read printed, as rows. Pure.
// Invariant: a row has the declared columns only; what cannot be read as a row is dropped.
import JSON
import Terminal
import Wire

/// The columns of one subject, and what to do with a script's lines.
struct HostRows {
    /// One column.
    struct Column {
        let name: String
        /// Whether its values are numbers.
        let isNumber: Bool
    }

    let columns: [Column]

    /// Columns by their names in one text; `#` after a name: numbers.
    init(_ names: String) {
        columns = names.split(separator: " ").map { name in
            Column(name: String(name.prefix { $0 != "#" }), isNumber: name.hasSuffix("#"))
        }
    }

    /// The most bytes of one value, so that a long command line does not fill the answer.
    private static let valueLimit = 400

    /// Puts the script's rows and notes into a table.
    func read(
        _ output: String, query: String?, limit: Int, keepsLast: Bool, into table: inout HostTable
    ) {
        let query = query?.lowercased()
        var rows: [JSON] = []
        for line in output.split(separator: "\n") {
            if line.hasPrefix("!") {
                let note = line.dropFirst().trimmed
                if !note.isEmpty, table.notes.count < 40 {
                    table.notes.append(String(note).shown(atMost: Self.valueLimit))
                }
                continue
            }
            let cells = line.split(
                separator: "\t", maxSplits: columns.count - 1, omittingEmptySubsequences: false)
            guard cells.count == columns.count else { continue }
            if let query, !line.lowercased().contains(query) { continue }
            rows.append(row(cells))
        }
        table.total = rows.count
        table.rows = Array(keepsLast ? rows.suffix(limit) : rows.prefix(limit))
    }

    private func row(_ cells: [Substring]) -> JSON {
        var members = JSON.Object()
        for (column, cell) in zip(columns, cells) where cell != "-" && !cell.isEmpty {
            members[column.name] = column.isNumber ? Self.number(cell) : Self.text(cell)
        }
        return .object(members)
    }

    /// A number; what is none is shown as it is.
    private static func number(_ cell: Substring) -> JSON {
        if let whole = Int64(cell), abs(whole) <= Contract.integers.upperBound {
            return .int(whole)
        }
        if let number = Double(cell), number.isFinite { return .double(number) }
        return text(cell)
    }

    private static func text(_ cell: Substring) -> JSON {
        .string(String(cell).shown(atMost: valueLimit))
    }
}

extension Substring {
    /// Without the blanks at both ends.
    fileprivate var trimmed: Substring {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
