// The tables of protocol/README.md as the contract says them. Pure.
@testable import Wire

/// A table in Markdown.
enum Tables {
    /// The table that a block of the page asks for; nil: there is no such table.
    static func table(_ words: [String]) -> String? {
        switch words.first {
        case "calls": return calls
        case "tools": return tools
        case "arguments":
            let methods = words.dropFirst().compactMap { Wire.Method(rawValue: $0) }
            guard methods.count == words.count - 1, !methods.isEmpty else { return nil }
            return arguments(of: methods)
        case "result":
            guard let method = Wire.Method(rawValue: words.last ?? "") else { return nil }
            return members("member", method.row.result)
        default: return nil
        }
    }

    private static var calls: String {
        rows(
            ["call", "deadline", "tool", "changes a target", "has a key", "does"],
            Wire.Method.allCases.map { method in
                let row = method.row
                return [
                    "`\(method.rawValue)`", row.deadline.text,
                    row.tool.map { "`\($0.name)`" } ?? "",
                    row.changesTargets ? "yes" : "", row.runsOnce ? "yes" : "", row.does,
                ]
            })
    }

    private static var tools: String {
        rows(
            ["tool", "scopes", "routed by", "additional arguments"],
            ToolRow.all.map { tool in
                let call = Wire.Method.allCases.first { $0.tool == tool.name }
                let known = Set(call?.row.arguments.map(\.name) ?? [])
                let own = tool.arguments.filter { !known.contains($0.name) }
                return [
                    "`\(tool.name)`", Scope.text(tool.scopes),
                    tool.routes.map(route).joined(separator: ", else "),
                    own.map { "`\($0.name)` (\(type(of: $0))): \($0.description)" }
                        .joined(separator: " "),
                ]
            })
    }

    private static func route(_ route: Route) -> String {
        switch route {
        case .session(let name), .command(let name), .forward(let name), .target(let name),
            .agent(let name):
            "`\(name)`"
        case .each(let list): "each agent that is online (`\(list)` are joined)"
        case .relay: "the relay itself"
        }
    }

    private static func arguments(of methods: [Wire.Method]) -> String {
        var lines: [[String]] = []
        for method in methods {
            let all = flat(method.row.arguments, below: "")
            if all.isEmpty { lines.append(["`\(method.rawValue)`", "–", "", ""]) }
            for (at, one) in all.enumerated() {
                lines.append([at == 0 ? "`\(method.rawValue)`" : ""] + one)
            }
        }
        return rows(["call", "argument", "type", ""], lines)
    }

    private static func members(_ title: String, _ all: [Declaration]) -> String {
        rows([title, "type", ""], flat(all, below: ""))
    }

    /// Each declaration, and behind an object its members.
    private static func flat(_ all: [Declaration], below path: String) -> [[String]] {
        all.flatMap { one -> [[String]] in
            let own = [["`\(path)\(one.name)`", type(of: one), escaped(one.description)]]
            return own + inside(one.kind, "\(path)\(one.name)")
        }
    }

    private static func inside(_ kind: Kind, _ path: String) -> [[String]] {
        switch kind {
        case .object(let members): flat(members, below: path + ".")
        case .list(let kind, _): inside(kind, path + "[]")
        case .nullable(let kind): inside(kind, path)
        case .text, .choice, .flag, .integer, .number, .seconds, .texts: []
        }
    }

    private static func type(of one: Declaration) -> String {
        let kind = words(one.kind)
        switch one.need {
        case .required: return kind
        case .optional, .standard: return kind + ", optional"
        }
    }

    private static func words(_ kind: Kind) -> String {
        switch kind {
        case .text(Contract.textBytes), .text(Contract.contentBytes): "string"
        case .text(let limit): "string of at most \(limit) bytes"
        case .choice(let options): options.map { "`\($0)`" }.joined(separator: " ")
        case .flag: "bool"
        case .integer(let range): "int" + limits(range)
        case .number(nil): "number"
        case .number(let range?): "number \(digits(range))"
        case .seconds(let range): "seconds \(digits(range))"
        case .list(let kind, let limit):
            "list of " + (limit.map { "at most \($0) " } ?? "") + words(kind) + "s"
        case .texts(let limit): "object of at most \(limit) strings"
        case .object: "object"
        case .nullable(let kind): words(kind) + " or null"
        }
    }

    private static func limits(_ range: ClosedRange<Int>) -> String {
        let all = Contract.integers
        if range == all { return "" }
        if range.upperBound == all.upperBound { return " ≥ \(range.lowerBound)" }
        return " \(range.lowerBound)…\(range.upperBound)"
    }

    private static func digits(_ range: ClosedRange<Double>) -> String {
        "\(Kind.digits(range.lowerBound))…\(Kind.digits(range.upperBound))"
    }

    private static func escaped(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private static func rows(_ head: [String], _ lines: [[String]]) -> String {
        ([head, head.map { _ in "---" }] + lines).map { cells in
            "|" + cells.map { $0.isEmpty ? " |" : $0 == "---" ? "---|" : " \($0) |" }.joined()
        }.joined(separator: "\n")
    }
}
