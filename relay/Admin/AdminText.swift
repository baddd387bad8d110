// The results of admin commands as people read them.
// Invariant: what scripts read, such as an invitation or a token, is alone on its line.

import JSON
import Loop

/// Writes results as text.
enum AdminText {
    /// The text of a request's result.
    ///
    /// A person at a terminal gets more than one line where a script gets one.
    static func text(_ request: JSON, _ result: JSON, isTerminal: Bool = false) -> String {
        switch request["command"]?.stringValue ?? "" {
        case "invite" where request["pasted"] == true: line(result["pasted"])
        case "invite" where isTerminal && result["pasted"]?.stringValue != nil:
            """
            On the machine, as root or as a user, paste:

            \(line(result["pasted"]))
            or, where the agent's program is already:

            \(line(result["line"]))
            """
        case "invite": line(result["line"])
        case "invitations":
            table(
                result["invitations"]?.arrayValue ?? [],
                ["id", "name", "rejoins", "tags", "left", "expires", "made_by", "purpose"],
                empty: "no open invitations: homeline-relay invite makes one")
        case "invitations cancel": "cancelled \(line(result["cancelled"]))"
        case "tokens create": line(result["token"])
        case "people invite", "people link": line(result["link"])
        case "people log-out": "ended \(word(result["ended"])) sessions of the page\n"
        case "people":
            table(
                result["people"]?.arrayValue ?? [],
                [
                    "person", "scopes", "pattern", "passkeys", "logged_in", "last_login",
                    "link_until",
                ],
                empty: "nobody can log in: homeline-relay people invite NAME makes a link")
        case "people sessions":
            table(
                result["sessions"]?.arrayValue ?? [],
                ["id", "person", "browser", "from", "since", "last_used"],
                empty: "nobody is logged in")
        case "agents update": "updated \(line(result["agent"]))"
        case "agents new-key":
            result["changed"]?.boolValue == true
                ? "\(word(result["agent"])) has a new key\n"
                : "\(word(result["agent"])) gets a new key when it can: \(line(result["obstacle"]))"
        case "agents revoke": "revoked \(line(result["revoked"]))"
        case "tokens revoke": revoked(result)
        case "clients": clients(result)
        case "clients add": line(result["client_id"])
        case "clients remove": "removed \(line(result["removed"]))"
        case "clients revoke": "revoked \(line(result["revoked"]))"
        case "people revoke": revoked(result, whose: "this person's", who: "this person")
        case "upgrade": "process \(word(result["pid"])) has taken over\n"
        case "agents":
            table(
                result["agents"]?.arrayValue ?? [],
                ["agent", "online", "last_seen", "tags", "purpose"],
                empty: "no agents: homeline-relay invite prints the line that joins one")
                + warnings(result["agents"]?.arrayValue ?? [])
        case "tokens":
            table(
                result["tokens"]?.arrayValue ?? [],
                ["name", "scopes", "pattern", "created", "last_used"],
                empty: "no tokens: homeline-relay tokens create NAME makes one")
        default: members(result)
        }
    }

    /// What a person is to hear beside the text.
    static func warnings(_ request: JSON, _ result: JSON) -> String {
        guard request["command"] == "invite" else { return "" }
        return (result["warnings"]?.arrayValue ?? []).map { "homeline-relay: \(line($0))" }.joined()
    }

    private static func clients(_ result: JSON) -> String {
        let grants = table(
            result["grants"]?.arrayValue ?? [],
            ["grant", "person", "client", "scopes", "pattern", "last_used", "client_id"],
            empty: "no program acts for anybody")
        let clients = table(
            result["clients"]?.arrayValue ?? [],
            ["client_id", "name", "origin", "redirects", "created", "last_used"],
            empty: "no program was added or has registered itself")
        return grants + "\n" + clients
    }

    private static func line(_ value: JSON?) -> String { word(value) + "\n" }

    private static func warnings(_ agents: [JSON]) -> String {
        agents.filter { $0["warning"] != nil }
            .map { "warning: \(word($0["agent"])): \(line($0["warning"]))" }.joined()
    }

    private static func revoked(
        _ result: JSON, whose: String = "its", who: String = "it"
    ) -> String {
        var text = "revoked \(line(result["revoked"]))"
        if let sessions = result["sessions"]?.intValue, let commands = result["commands"]?.intValue
        {
            text += "ended \(sessions) of \(whose) sessions and \(commands) of \(whose) commands\n"
        }
        guard result["sessions"] == nil || result["pending"]?.arrayValue?.isEmpty == false else {
            return text
        }
        let agents = result["pending"].map { "the agents \(word($0))" } ?? "agents"
        return text + "\(agents) end what \(who) left there when they connect\n"
    }

    private static func members(_ result: JSON) -> String {
        let rows = (result.objectValue ?? [:]).map { ($0.key, word($0.value)) }
        let width = rows.map { $0.0.count }.max() ?? 0
        return rows.map { pad($0.0, width) + "  \($0.1)\n" }.joined()
    }

    private static func table(_ rows: [JSON], _ columns: [String], empty: String) -> String {
        guard !rows.isEmpty else { return empty + "\n" }
        let cells =
            [columns.map { $0.uppercased() }] + rows.map { row in columns.map { word(row[$0]) } }
        let widths = columns.indices.map { index in cells.map { $0[index].count }.max() ?? 0 }
        return cells.map { row in
            var text = row.indices.map { pad(row[$0], widths[$0]) }.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }.joined()
    }

    private static func word(_ value: JSON?) -> String {
        switch value {
        case nil, .null: "-"
        case .string(let text): text.isEmpty ? "-" : text
        case .bool(let truth): truth ? "yes" : "no"
        case .array(let items): items.isEmpty ? "-" : items.map { word($0) }.joined(separator: ",")
        case let other?: other.description
        }
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
