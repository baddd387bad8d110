// The texts of --help, from the same declarations that parsing uses.

extension Program {
    /// The program's help: every command with its summary.
    public func help() -> String {
        let rows = commands.map { ([$0.name] + $0.positionals.map(\.usage), $0.summary) }
        return "\(name) - \(summary)\n\nUsage: \(name) COMMAND [--flag value ...]\n\nCommands:\n"
            + table(rows.map { ($0.0.joined(separator: " "), $0.1) })
            + "\nSee '\(name) COMMAND --help' for a command's flags; every flag is also an\n"
            + "environment variable and, for lasting settings, a keyword of the configuration.\n"
    }

    /// The help of a group of commands, `tokens` for example.
    func help(group: String) -> String {
        let members = commands.filter { $0.name == group || $0.name.hasPrefix(group + " ") }
        return members.map(help).joined(separator: "\n")
    }

    /// One command's help: its arguments and flags with their defaults.
    func help(_ command: Command) -> String {
        let arguments = command.positionals.map { " " + $0.usage }.joined()
        let flags = command.settings.isEmpty ? "" : " [flags]"
        var text = "Usage: \(name) \(command.name)\(arguments)\(flags)\n\n\(command.summary)\n"
        guard !command.settings.isEmpty else { return text }
        let rows = command.settings.map { setting in
            let left = setting.isTruth ? setting.flag : "\(setting.flag) \(setting.placeholder)"
            return (left, setting.summary + detail(setting))
        }
        text += "\nFlags:\n" + table(rows)
        return text
    }

    private func detail(_ setting: Setting) -> String {
        var parts: [String] = []
        if let fallback = setting.fallback, !(setting.isTruth && fallback == "no") {
            parts.append("default \(fallback)")
        }
        if !setting.isFlagOnly { parts += [setting.variable, setting.keyword] }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private func table(_ rows: [(String, String)]) -> String {
        let width = min(34, rows.map(\.0.count).max() ?? 0)
        return rows.map { left, right in
            let gap =
                left.count > width
                ? "\n" + String(repeating: " ", count: width + 4)
                : String(repeating: " ", count: width - left.count + 2)
            return "  \(left)\(gap)\(right)\n"
        }.joined()
    }
}
