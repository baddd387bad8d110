// A result of named members as people read it: `name: value` line by line, each list of objects
// as a table with tabs. Pure, by the members' declarations.
// Invariant: a cell is one line without tabs.
import JSON
import Wire

/// The text of members as they are declared.
struct MembersText {
    private let declared: [Declaration]

    init(_ declared: [Declaration]) { self.declared = declared }

    /// The most columns of a table: no declared list has as many members.
    private static let columns = 40
    /// The most bytes of a table: a text is cut far below that.
    private static let tableBytes = 1 << 18

    /// The members line by line, tables first.
    func text(of members: JSON.Object) -> String {
        var (tables, lines): ([String], [String]) = ([], [])
        for (name, value) in members {
            let value = value.opened
            let own = declared.first { $0.name == name }
            switch value {
            case .array(let all) where all.contains { $0.opened.objectValue != nil }:
                tables.append(Self.table(all, columns: own?.kind.members ?? []))
            case .array(let all) where all.isEmpty && own?.kind.isListOfObjects == true:
                tables.append("no \(name)")
            case .array(let all)
            where name == "unanswered" || name == "notes" || name == "left_out":
                lines += all.map { "[\(name): \(Self.cell($0))]" }
            case .object(let inner):
                let inside = MembersText(own?.kind.members ?? []).text(of: inner)
                lines.append("\(name):")
                lines += inside.split(separator: "\n").map { "  \($0)" }
            case .null, .bool, .int, .double, .string, .array, .raw:
                lines.append("\(name): \(Self.value(value))")
            }
        }
        let isList = !tables.isEmpty && lines.count <= 4
        return (isList ? tables + lines : lines + tables).joined(separator: "\n")
    }

    /// Objects as lines, under the names of the members that any of them has.
    private static func table(_ entries: [JSON], columns declared: [Declaration]) -> String {
        let rows = entries.map { $0.opened.objectValue ?? [:] }
        var names = declared.map(\.name)
        var known = Set(names)
        for row in rows {
            for name in row.keys where names.count < columns && known.insert(name).inserted {
                names.append(name)
            }
        }
        let used = rows.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
        names = names.filter(used.contains)
        let standards = Dictionary(declared.map { ($0.name, $0.standard) }) { first, _ in first }
        var text = names.joined(separator: "\t")
        for row in rows where text.utf8.count < tableBytes {
            let cells = names.map { name in
                (row[name] ?? (standards[name] ?? nil)).map(cell) ?? "-"
            }
            text += "\n" + cells.joined(separator: "\t")
        }
        return text
    }

    /// A value in one line.
    private static func cell(_ json: JSON) -> String {
        let text = value(json)
        guard !text.isEmpty else { return "-" }
        return String(text.map { $0 == "\t" || $0.isNewline ? " " : $0 })
    }

    private static func value(_ json: JSON) -> String {
        switch json.opened {
        case .string(let text): return text
        case .array(let all): return all.map(cell).joined(separator: ", ")
        case .object(let members):
            return members.map { "\($0.key)=\(cell($0.value))" }.joined(separator: " ")
        case .bool(let flag): return flag ? "yes" : "no"
        case .null: return "-"
        case .int, .double, .raw: return json.description
        }
    }
}

extension Kind {
    /// The members of an object, or of the objects of a list.
    fileprivate var members: [Declaration] {
        switch self {
        case .object(let members): members
        case .list(let kind, _), .nullable(let kind): kind.members
        case .text, .choice, .flag, .integer, .number, .seconds, .texts: []
        }
    }

    fileprivate var isListOfObjects: Bool {
        if case .list(.object, _) = self { true } else { false }
    }
}
