// What this site allows, whatever the relay asks: the agent's own rules from agent.conf. Pure: each
// query returns the rule that refuses. Asked by the dispatcher and by the parts.
// Invariant: a denying rule wins over an allowing one, and only this file and PathRules allow
// anything.
import Configuration
import Wire

/// How many commands may run at once, without those of sessions.
struct CommandLimits: Sendable, Equatable {
    /// All of them (`MaxCommands`): each holds a channel and its output.
    var all = 256
    /// Those of one principal on one target (`MaxCommandsPerTarget`): more would only slow each
    /// other down there.
    var perTarget = 30
}

/// How many places the agent gives.
struct PlaceLimits: Sendable, Equatable {
    /// The most sessions at once (`MaxSessions`): each holds a shell and its output.
    var sessions = 200
    /// The most SSH connections at once (`MaxLinks`): each holds a socket and its buffers.
    var links = 200
    /// The most commands that run at once.
    var commands = CommandLimits()
}

/// What a person has to agree to before it is done.
struct AskRules: Sendable, Equatable {
    /// Whether persons may be asked at all, about whatever it is (`Approvals`).
    var isAllowed = true
    /// Patterns of tools (`AskForTool`).
    var tools: [String] = []
    /// Patterns of commands, and of text that is sent to a session (`AskForCommand`).
    var commands: [String] = []
    /// Patterns of targets (`AskForTarget`).
    var targets: [String] = []

    /// The first rule whose pattern matches.
    fileprivate func rule(
        _ kind: String, _ patterns: [String], _ matches: (String) -> Bool
    ) -> String? {
        patterns.first(where: matches).map { "AskFor\(kind) \($0)" }
    }
}

/// The site's rules.
struct Policy: Sendable, Equatable {
    /// Patterns of targets that may be used; empty: all.
    var allowedTargets: [String] = []
    /// Patterns of targets that may not be used.
    var deniedTargets: [String] = []
    /// Patterns of users to log in as; empty: all.
    var allowedUsers: [String] = []
    /// Patterns of users not to log in as.
    var deniedUsers: [String] = []
    /// Patterns of tools that may be used; empty: all.
    var allowedTools: [String] = []
    /// Patterns of tools that may not be used.
    var deniedTools: [String] = []
    /// What a person has to agree to.
    var asked = AskRules()
    /// Refuses everything that may change a target.
    var isReadOnly = false
    /// The agent's own machine is a target.
    var allowsLocal = true
    /// Passwords may come in arguments.
    var allowsSecretArguments = true
    /// The paths that file tools may touch.
    var paths = PathRules()
    /// Where forwards may lead and listen.
    var forwards = ForwardRules()
    /// The agent's own folder, with symbolic links resolved; file tools keep out of it.
    var ownFolder: String?
    /// How many of each thing there may be.
    var places = PlaceLimits()
    /// The most bytes of output in one answer (`MaxOutput`): by default the most that a call can
    /// ask for.
    var outputLimit = 1_000_000

    /// The rule that refuses a call; nil if none does.
    func refusal(of method: Method) -> String? {
        let row = method.row
        guard let tool = row.rules?.name else { return nil }
        if isReadOnly, row.changesTargets { return "ReadOnly yes" }
        return rule("Tool", tool, allowed: allowedTools, denied: deniedTools)
    }

    /// The rule by which a person has to agree to calls of a tool; nil: none.
    func askRule(ofTool name: String) -> String? {
        asked.rule("Tool", asked.tools) { Glob.matches($0.lowercased(), name.lowercased()) }
    }

    /// The rule by which a person has to agree to a command; nil: none.
    func askRule(ofCommand text: String) -> String? {
        asked.rule("Command", asked.commands) { Glob.matches($0, text) }
    }

    /// The rule by which a person has to agree to calls at a host of these names; nil: none.
    func askRule(ofTarget names: [String], user: String?, port: UInt16?) -> String? {
        asked.rule("Target", asked.targets) { Self.covers($0, names, user, port) }
    }

    /// The rule that refuses the agent's own machine.
    var refusalOfLocal: String? {
        guard allowsLocal else { return "AllowLocal no" }
        return refusal(ofTarget: ["local"], user: nil, port: nil)
    }

    /// The patterns of hosts that denying rules and path rules name, other than `*`, without users
    /// and ports: these rules hold for a host under all its names.
    var hostPatterns: [String] {
        ((deniedTargets + asked.targets).map { HostPattern($0).name } + paths.targets)
            .filter { $0 != "*" }
    }

    /// The rule that refuses a target of these names; what denies a host is compared with `others`
    /// too, all names that lead to it.
    ///
    /// A rule with a port (`db1:2222`) holds for that port, under each name of the host; the same
    /// goes for a user (`root@db1`).
    func refusal(
        ofTarget names: [String], alsoKnownAs others: [String] = [], user: String?, port: UInt16?
    ) -> String? {
        func cover(_ pattern: String, _ names: [String]) -> Bool {
            Self.covers(pattern, names, user, port)
        }
        if let pattern = deniedTargets.first(where: { cover($0, names + others) }) {
            return "DenyTarget \(pattern)"
        }
        if !allowedTargets.isEmpty, !allowedTargets.contains(where: { cover($0, names) }) {
            return "AllowTarget \(allowedTargets.joined(separator: ","))"
        }
        guard let user else { return nil }
        if let rule = rule("User", user, allowed: [], denied: deniedUsers) { return rule }
        // A user's name in another case is another user.
        guard !allowedUsers.isEmpty, !allowedUsers.contains(where: { Glob.matches($0, user) })
        else { return nil }
        return "AllowUser \(allowedUsers.joined(separator: ","))"
    }

    /// Whether a pattern of targets covers a host of one of these names.
    private static func covers(
        _ pattern: String, _ names: [String], _ user: String?, _ port: UInt16?
    ) -> Bool {
        let host = HostPattern(pattern)
        return names.contains { name in
            Glob.matches(pattern.lowercased(), name.lowercased())
                || host.matches(host: name, user: user, port: port)
        }
    }

    /// The rule that refuses an argument with a secret in it.
    var refusalOfSecretArguments: String? {
        allowsSecretArguments ? nil : "SecretArguments no"
    }

    /// The path as it must be used on a target with these names; throws if a rule refuses it.
    func admit(_ path: String, on names: [String], for use: PathUse) throws(Fault) -> String {
        if use == .writing, isReadOnly {
            throw .refused("\(use.rawValue) a file", by: "ReadOnly yes")
        }
        if names.contains("local"), let ownFolder,
            "\(path)/".hasPrefix("\(ownFolder)/")
        {
            throw Fault(
                .refusedByPolicy,
                "\(use.rawValue) \(path.prefix(200)) is refused: the agent's own key is kept there")
        }
        return try paths.admit(path, on: names, for: use)
    }

    /// The rule that refuses an answer of this many bytes.
    func refusal(ofOutput bytes: Int) -> String? {
        bytes > outputLimit ? "MaxOutput \(outputLimit)" : nil
    }

    private func rule(
        _ kind: String, _ name: String, allowed: [String], denied: [String]
    ) -> String? {
        // Host names are case-insensitive, and so is what may not be used.
        let name = name.lowercased()
        if let pattern = denied.first(where: { Glob.matches($0.lowercased(), name) }) {
            return "Deny\(kind) \(pattern)"
        }
        if allowed.isEmpty || allowed.contains(where: { Glob.matches($0.lowercased(), name) }) {
            return nil
        }
        return "Allow\(kind) \(allowed.joined(separator: ","))"
    }
}

extension Fault {
    /// A refusal that names the rule.
    static func refused(_ what: String, by rule: String) -> Fault {
        Fault(
            .refusedByPolicy,
            "\(what) is refused by this site's policy (\(rule) in agent.conf); only its operator can"
                + " change that")
    }
}
