// Why the agent's own line before a command ended it: its folder could not be entered. A value,
// read from what that line printed, so that no exit code of the command is taken for it.
// Invariant: a command that ran is never reported as one that did not.
import Wire

/// What stood against entering a command's folder.
enum Obstacle: String {
    /// There is nothing by this name.
    case missing
    /// It is not a folder.
    case file
    /// The user may not enter it.
    case refused

    /// The exit code that comes with the line.
    static let code: Int32 = 125

    /// How the line begins that says so, for the command with this mark.
    static func line(_ id: String) -> String { "homeline:\(id):" }

    /// The obstacle that a command's outputs name.
    init?(mark id: String, in outputs: [String]) {
        let start = Self.line(id)
        let lines = outputs.lazy.flatMap { $0.split(whereSeparator: \.isNewline) }
        guard let line = lines.first(where: { $0.hasPrefix(start) }) else { return nil }
        self.init(rawValue: String(line.dropFirst(start.count)))
    }

    /// The fault of a command that was to run in `directory` on `target`.
    func fault(_ directory: String, on target: String) -> Fault {
        let why: (code: Fault.Code, text: String) =
            switch self {
            case .missing: (.fileNotFound, "does not exist")
            case .file: (.invalidArgument, "is not a folder")
            case .refused: (.fileRefused, "may not be entered by the user")
            }
        return Fault(
            why.code,
            "the command was not run: \"cwd\" \(directory.shown(atMost: 200)) \(why.text) on"
                + " \(target)")
    }
}
