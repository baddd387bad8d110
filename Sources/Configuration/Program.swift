// From arguments and environment to one command and its options.
// Pure: the caller gives the words, prints the texts and ends the process.
internal import Spelling

/// A program's commands and its command-line parser.
public struct Program: Sendable {
    let name: String
    let version: String
    let summary: String
    let commands: [Command]
    /// The keywords of the configuration file, and the blocks it may hold.
    let fileSettings: [Setting]
    let fileBlocks: [String: [Setting]]
    /// What `limits` prints.
    let limits: [Limit]

    /// The action that a command line asks for.
    public enum Invocation: Sendable, Equatable {
        /// Print this text and end with 0.
        case print(String)
        /// Run the command of this name.
        case run(String, Options)
    }

    /// A program; `fileSettings` are keywords of its file that no command has as a flag.
    public init(
        _ name: String, version: String, summary: String, commands: [Command],
        fileSettings: [Setting] = [], fileBlocks: [String: [Setting]] = [:], limits: [Limit] = []
    ) {
        self.name = name
        self.version = version
        self.summary = summary
        self.commands = commands + (limits.isEmpty ? [] : [Self.limitsCommand])
        self.limits = limits
        self.fileBlocks = fileBlocks
        var known: [Setting] = fileSettings
        for setting in commands.flatMap(\.settings) where !known.contains(setting) {
            precondition(
                !known.contains { $0.name == setting.name && $0.isTruth != setting.isTruth },
                "\(setting.flag) takes a value in one command and none in another")
            known.append(setting)
        }
        self.fileSettings = known
    }

    /// Reads the arguments (without the program's name) and the environment.
    public func parse(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws(ConfigurationError) -> Invocation {
        var line = try CommandLineWords(arguments, known: fileSettings)
        if line.words.first == "help" {
            line.words.removeFirst()
            line.wantsHelp = true
        }
        if line.wantsVersion { return .print("\(name) \(version)\n") }
        if line.words.isEmpty {
            if line.wantsHelp { return .print(help()) }
            throw .missingCommand
        }
        let isGroup = commands.contains { $0.name.hasPrefix(line.words[0] + " ") }
        guard let (command, rest) = command(of: line.words) else {
            if line.wantsHelp, isGroup { return .print(help(group: line.words[0])) }
            throw .unknownCommand(
                line.words.prefix(isGroup ? 2 : 1).joined(separator: " "),
                nearest: Nearest.match(
                    line.words.prefix(isGroup ? 2 : 1).joined(separator: " "),
                    in: commands.map(\.name)))
        }
        if line.wantsHelp {
            return .print(isGroup && rest.isEmpty ? help(group: command.name) : help(command))
        }

        var options = Options()
        for (setting, values) in line.values {
            guard let setting = command.settings.first(where: { $0.name == setting }) else {
                throw .unknownFlag("--" + setting, command: command.name, nearest: nil)
            }
            for value in values { try setting.check(value, place: setting.flag) }
            options.flags[setting.name] = values
        }
        for setting in command.settings where !setting.isFlagOnly {
            guard let value = environment[setting.variable], !value.isEmpty else { continue }
            try setting.check(value, place: setting.variable)
            options.environment[setting.name] = setting.isList ? split(value) : [value]
        }
        options.arguments = rest + line.rest
        try command.check(options.arguments)
        if command == Self.limitsCommand { return .print(limits.text) }
        return .run(command.name, options)
    }

    private static let limitsCommand = Command(
        "limits", "shows what the program holds and waits for at most, and what happens beyond")

    /// The command the words name, the longest name first, and the words after it.
    private func command(of words: [String]) -> (Command, [String])? {
        for length in [2, 1] where words.count >= length {
            let name = words.prefix(length).joined(separator: " ")
            if let command = commands.first(where: { $0.name == name }) {
                return (command, Array(words.dropFirst(length)))
            }
        }
        return nil
    }
}

/// The values of a list that commas separate.
func split(_ text: String) -> [String] {
    text.split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
}

extension StringProtocol {
    /// The text without spaces and tabs at either end.
    func trimmingSpaces() -> String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var rest = self.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }
}
