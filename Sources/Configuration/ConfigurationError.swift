// Mistakes on the command line, in the environment or in a file.
// Every message names the place, the word and, if a known word is similar, what was meant.

/// A mistake in the given arguments, environment or configuration file.
public enum ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No command was given and the program needs one.
    case missingCommand
    /// The first words are not the name of a command.
    case unknownCommand(String, nearest: String?)
    /// The command has no such flag.
    case unknownFlag(String, command: String?, nearest: String?)
    /// A flag is last, or followed by another flag, and has no value.
    case missingValue(flag: String)
    /// A value cannot be read; `place` is the flag, variable or file line it came from.
    case badValue(place: String, value: String, expected: String)
    /// A required positional argument is missing.
    case missingArgument(String, command: String)
    /// More positional arguments than the command takes.
    case unexpectedArgument(String, command: String)
    /// A file that cannot be read, or that others could change; `reason` names it.
    case badFile(reason: String)
    /// A line of a file that is not a `Keyword value` line.
    case badLine(file: String, line: Int, reason: String)
    /// A keyword that the program does not know.
    case unknownKeyword(String, file: String, line: Int, nearest: String?)

    /// One plain line saying what is wrong and what to do next.
    public var description: String {
        switch self {
        case .missingCommand: "no command given: see --help"
        case .unknownCommand(let name, let nearest):
            "'\(name)' is not a command\(Self.hint(nearest)): see --help"
        case .unknownFlag(let flag, let command, let nearest):
            (command.map { "\($0) takes no \(flag)" } ?? "unknown flag \(flag)")
                + "\(Self.hint(nearest)): see --help"
        case .missingValue(let flag): "\(flag) needs a value"
        case .badValue(let place, let value, let expected):
            "\(place): '\(value)' is not \(expected)"
        case .missingArgument(let name, let command): "\(command) needs \(name): see --help"
        case .unexpectedArgument(let value, let command):
            "\(command) does not take '\(value)': see --help"
        case .badFile(let reason): reason
        case .badLine(let file, let line, let reason): "\(file) line \(line): \(reason)"
        case .unknownKeyword(let keyword, let file, let line, let nearest):
            "\(file) line \(line): unknown keyword '\(keyword)'\(Self.hint(nearest))"
        }
    }

    /// The exit code a program ends with: 64 for its arguments, 78 for its file.
    public var exitCode: Int32 {
        switch self {
        case .badFile, .badLine, .unknownKeyword: ExitCode.configuration
        case .missingCommand, .unknownCommand, .unknownFlag, .missingValue, .badValue,
            .missingArgument, .unexpectedArgument:
            ExitCode.usage
        }
    }

    private static func hint(_ nearest: String?) -> String {
        nearest.map { ", did you mean '\($0)'?" } ?? ""
    }
}
