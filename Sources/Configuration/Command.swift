// The commands of a program, with their settings and arguments.

/// One command of a program, `serve` or `tokens create`.
public struct Command: Sendable, Hashable {
    /// One word, or two for a command of a group.
    public let name: String
    /// One line for the help.
    public let summary: String
    let settings: [Setting]
    let positionals: [Positional]

    /// One positional argument.
    public struct Positional: Sendable, Hashable {
        let name: String
        let isOptional: Bool
        let isRepeated: Bool

        /// An argument that must be given.
        public static func required(_ name: String) -> Positional {
            Positional(name: name, isOptional: false, isRepeated: false)
        }

        /// An argument that may be given.
        public static func optional(_ name: String) -> Positional {
            Positional(name: name, isOptional: true, isRepeated: false)
        }

        /// Any number of arguments, last of all.
        public static func rest(_ name: String) -> Positional {
            Positional(name: name, isOptional: true, isRepeated: true)
        }

        var usage: String {
            let body = isRepeated ? name + "..." : name
            return isOptional ? "[\(body)]" : body
        }
    }

    /// A command with its settings and positional arguments.
    public init(
        _ name: String, _ summary: String, settings: [Setting] = [], positionals: [Positional] = []
    ) {
        self.name = name
        self.summary = summary
        self.settings = settings
        self.positionals = positionals
    }

    func check(_ arguments: [String]) throws(ConfigurationError) {
        let required = positionals.filter { !$0.isOptional }
        if arguments.count < required.count {
            throw .missingArgument(required[arguments.count].name, command: name)
        }
        if arguments.count > positionals.count, positionals.last?.isRepeated != true {
            throw .unexpectedArgument(arguments[positionals.count], command: name)
        }
    }
}
