// The admin commands on the command line: their flags, and the request for each.

import Configuration
import JSON

extension Setting {
    /// The data folder, an option of every command.
    static let data = Setting.text(
        "data", "DIR", "the relay's folder; default homeline/relay under the XDG state folder")
    /// Prints JSON instead of text.
    static let json = Setting.truth("json", "prints JSON", flagOnly: true)
    static let name = Setting.text("name", "NAME", "the agent's name", flagOnly: true)
    static let tags = Setting.list("tags", "A,B", "the agent's tags", flagOnly: true)
    static let purpose = Setting.text(
        "purpose", "TEXT", "what the agent is for", flagOnly: true)
    static let uses = Setting.number(
        "uses", 1...Store.useLimit,
        "how many agents may join by it; with --name NAME they become NAME-1, NAME-2 …",
        default: 1, flagOnly: true)
    static let rejoin = Setting.text(
        "rejoin", "NAME",
        "let the reinstalled machine of this agent be that agent again; its former key ends then",
        flagOnly: true)
    static let pasted = Setting.truth(
        "pasted", "prints the line that also installs the agent, in place of the other",
        flagOnly: true)
    static let ttl = Setting.duration(
        "ttl", "how long the invitation is valid", default: "30m", flagOnly: true)
    static let tunnelURL = Setting.list(
        "tunnel-url", "URL,URL",
        "the addresses the agent dials, as for serve; default those of the relay",
        flagOnly: true)
    static let scopes = Setting.list(
        "scopes", "A,B", "what the token or person may do; default all but admin", flagOnly: true)
    static let redirect = Setting.list(
        "redirect", "URI", "an address of the program to which its logins lead back",
        flagOnly: true)
    static let pattern = Setting.text(
        "pattern", "PATTERN",
        "agents and targets within reach: lab-*/db,lab/deploy@web-*:22,tag:web",
        default: "*",
        flagOnly: true)
}

/// The admin commands of homeline-relay.
enum AdminCommands {
    /// Their declarations, for the program's table.
    static let all = [
        Command(
            "invite",
            "prints the command line that joins one agent, or several; on a terminal also the one "
                + "to paste on a machine without the agent",
            settings: [
                .name, .tags, .purpose, .uses, .rejoin, .ttl, .tunnelURL, .pasted, .data, .json,
            ]),
        Command("invitations", "lists the open invitations", settings: [.data, .json]),
        Command("invitations list", "lists the open invitations", settings: [.data, .json]),
        Command(
            "invitations cancel", "ends an invitation; who joined by it stays",
            settings: [.data, .json], positionals: [.required("ID")]),
        Command("agents", "lists the agents that joined", settings: [.data, .json]),
        Command("agents list", "lists the agents that joined", settings: [.data, .json]),
        Command(
            "agents update", "changes an agent's name, tags or purpose",
            settings: [.name, .tags, .purpose, .data, .json], positionals: [.required("NAME")]),
        Command(
            "agents new-key", "gives an agent a new key; it need not join again",
            settings: [.data, .json], positionals: [.required("NAME")]),
        Command(
            "agents revoke", "ends an agent's right to connect", settings: [.data, .json],
            positionals: [.required("NAME")]),
        Command("tokens", "lists the tokens of MCP clients", settings: [.data, .json]),
        Command("tokens list", "lists the tokens of MCP clients", settings: [.data, .json]),
        Command(
            "tokens create", "makes a token and prints it, once",
            settings: [.scopes, .pattern, .data, .json], positionals: [.required("NAME")]),
        Command(
            "tokens revoke", "ends a token", settings: [.data, .json],
            positionals: [.required("NAME")]),
        Command("people", "lists the people who may log in", settings: [.data, .json]),
        Command("people list", "lists the people who may log in", settings: [.data, .json]),
        Command(
            "people invite",
            "makes a person, and prints the link by which this person makes a passkey: for one use"
                + " within 15 minutes",
            settings: [.scopes, .pattern, .data, .json], positionals: [.required("NAME")]),
        Command(
            "people link", "prints a new link for a person who has lost the passkeys, or the link",
            settings: [.data, .json], positionals: [.required("NAME")]),
        Command(
            "people revoke", "ends a person, and all that this person has at the relay and agents",
            settings: [.data, .json], positionals: [.required("NAME")]),
        Command(
            "people sessions", "lists where people are logged in", settings: [.data, .json],
            positionals: [.optional("NAME")]),
        Command(
            "people log-out", "ends one such session, or all of a person",
            settings: [.data, .json], positionals: [.required("ID or NAME")]),
        Command(
            "clients",
            "lists the programs that people have let act for them, and those that may ask",
            settings: [.data, .json]),
        Command(
            "clients list",
            "lists the programs that people have let act for them, and those that may ask",
            settings: [.data, .json]),
        Command(
            "clients add", "lets a program ask people for access, and prints its client id",
            settings: [.redirect, .data, .json], positionals: [.required("NAME")]),
        Command(
            "clients remove", "ends a program, and what people have granted it",
            settings: [.data, .json], positionals: [.required("ID")]),
        Command(
            "clients revoke", "ends one grant of a person to a program", settings: [.data, .json],
            positionals: [.required("GRANT")]),
        Command(
            "upgrade",
            "has the program as it is on disk now take over from the running relay; no call fails",
            settings: [.data, .json]),
        Command("status", "shows whether and where the relay runs", settings: [.data, .json]),
    ]

    /// The request for a command line; nil if it is not an admin command.
    static func request(_ command: String, _ options: Options) -> JSON? {
        guard all.contains(where: { $0.name == command }) else { return nil }
        let name = command.hasSuffix(" list") ? String(command.dropLast(5)) : command
        var request: JSON.Object = ["command": .string(name)]
        switch name {
        case "invite":
            request["name"] = options.string(.name).map(JSON.string)
            request["tags"] = .array(options.strings(.tags).map(JSON.string))
            request["purpose"] = options.string(.purpose).map(JSON.string)
            request["uses"] = JSON(options.integer(.uses))
            request["rejoin"] = options.string(.rejoin).map(JSON.string)
            request["ttl_s"] = JSON(options.duration(.ttl).components.seconds)
            let urls = options.strings(.tunnelURL).joined(separator: " ")
            request["tunnel_url"] = urls.isEmpty ? nil : .string(urls)
            request["pasted"] = JSON(options.bool(.pasted))
        case "tokens create", "people invite":
            let words = options.strings(.scopes).flatMap { $0.split(separator: " ") }
            request["name"] = options.arguments.first.map(JSON.string)
            request["scopes"] = .array(words.map { .string(String($0)) })
            request["pattern"] = options.string(.pattern).map(JSON.string)
        case "clients add":
            request["name"] = options.arguments.first.map(JSON.string)
            request["redirects"] = .array(options.strings(.redirect).map(JSON.string))
        case "invitations cancel", "clients remove", "clients revoke":
            request["id"] = options.arguments.first.map(JSON.string)
        case "agents update":
            request["agent"] = options.arguments.first.map(JSON.string)
            request["name"] = options.string(.name).map(JSON.string)
            if options.isSet(.tags) {
                request["tags"] = .array(
                    options.strings(.tags).filter { !$0.isEmpty }.map(JSON.string))
            }
            request["purpose"] = options.string(.purpose).map(JSON.string)
        case "agents new-key", "agents revoke", "tokens revoke", "people link", "people revoke",
            "people sessions", "people log-out":
            request["name"] = options.arguments.first.map(JSON.string)
        default: break
        }
        return .object(request)
    }
}
