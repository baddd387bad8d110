// What devices ask at the end of a page, the key for the next page, and removing both from output.
// Invariant: only a line that is a question and nothing else is removed.

/// The questions of devices' pagers.
public enum DevicePager {
    /// The key that shows the next page, if an unfinished line asks for it; else nil.
    public static func key(for line: String) -> UInt8? {
        guard let question = question(in: line) else { return nil }
        return question.key
    }

    /// Lines without the pager's questions, and without the blanks that erased them.
    public static func cleaned(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { line in question(in: String(line))?.isWhole != true }
            .map { line in
                var line = line
                while line.last == " " { line.removeLast() }
                return line
            }
            .joined(separator: "\n")
    }

    /// Ends of lines, in small letters.
    private static let questions = [
        "--more--", "-- more --", "<--- more --->", "--- more ---", "---(more)---",
        "---- more ----",
        // HP and Aruba switches.
        "-- more --, next page: space, next line: enter, quit: control-c",
    ]
    private static let space = UInt8(ascii: " ")

    private static func question(in line: String) -> (key: UInt8, isWhole: Bool)? {
        let line = String(DevicePrompt.trimmed(line).lowercased().suffix(100))
        if let found = questions.last(where: line.hasSuffix) { return (space, line == found) }
        if line.hasSuffix(")---"), let start = line.firstRange(of: "---(more ")?.lowerBound {
            return (space, start == line.startIndex)
        }
        // MikroTik: `d` shows the rest at once.
        if line.hasPrefix("-- [q quit|"), line.hasSuffix("]") { return (UInt8(ascii: "d"), true) }
        // Palo Alto: `lines 1-23`, `lines 24-50/50 (END)`.
        if line.hasPrefix("lines "), let range = line.dropFirst(6).split(separator: " ").first,
            range.contains("-"), range.allSatisfy({ $0.isNumber || $0 == "-" || $0 == "/" })
        {
            return (line.hasSuffix("(end)") ? UInt8(ascii: "q") : space, true)
        }
        return nil
    }
}
