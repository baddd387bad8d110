// Splits arguments into flags with their values and plain words, before the command is known.
// A flag has the same shape in every command, so the order of words and flags is free.
internal import Spelling

/// The flags and words of a command line.
struct CommandLineWords {
    var words: [String] = []
    /// What followed `--`: neither flags nor command names.
    var rest: [String] = []
    var values: [String: [String]] = [:]
    var wantsHelp = false
    var wantsVersion = false

    init(_ arguments: [String], known: [Setting]) throws(ConfigurationError) {
        var remaining = arguments[...]
        while let argument = remaining.popFirst() {
            switch argument {
            case "--":
                rest = Array(remaining)
                return
            case "-h", "--help": wantsHelp = true
            case "--version": wantsVersion = true
            default:
                guard argument.hasPrefix("-"), argument != "-" else {
                    words.append(argument)
                    continue
                }
                try readFlag(argument, known: known, remaining: &remaining)
            }
        }
    }

    private mutating func readFlag(
        _ argument: String, known: [Setting], remaining: inout ArraySlice<String>
    ) throws(ConfigurationError) {
        let sign = argument.firstIndex(of: "=")
        let flag = String(argument[..<(sign ?? argument.endIndex)])
        let attached = sign.map { String(argument[argument.index(after: $0)...]) }

        if attached == nil, flag.hasPrefix("--no-"),
            let setting = known.first(where: { "--no-" + $0.name == flag && $0.isTruth })
        {
            values[setting.name] = ["no"]
            return
        }
        guard let setting = known.first(where: { $0.flag == flag }) else {
            let flags = known.map(\.flag) + ["--help", "--version"]
            throw .unknownFlag(flag, command: nil, nearest: Nearest.match(flag, in: flags))
        }
        if setting.isTruth {
            values[setting.name] = [attached ?? "yes"]
            return
        }
        var value = attached
        if value == nil, let next = remaining.first, !next.hasPrefix("--") {
            value = next
            remaining.removeFirst()
        }
        guard let value else { throw .missingValue(flag: flag) }
        values[setting.name] =
            setting.isList ? (values[setting.name] ?? []) + split(value) : [value]
    }
}
