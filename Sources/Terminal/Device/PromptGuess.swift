// Where the kernel cannot be asked: does the last, unfinished line look like a question? A guess,
// reported as one. Invariant: only an unfinished line can be a prompt.

/// Guesses from text only.
public enum PromptGuess {
    /// The last line of clean text if it is unfinished; else nil.
    public static func openLine(of text: String) -> String? {
        guard let last = text.split(separator: "\n", omittingEmptySubsequences: false).last else {
            return nil
        }
        let line = last.suffix(200)
        return line.allSatisfy(\.isWhitespace) ? nil : String(line)
    }

    /// Whether a line asks for something.
    public static func isQuestion(_ line: String) -> Bool {
        let lower = line.lowercased()
        var end = Substring(lower)
        while end.last?.isWhitespace == true { end.removeLast() }
        let words = [
            "password", "passphrase", "passcode", "verification code", "one-time", "otp", "pin",
            "yes/no", "[y/n]", "(y/n)", "y/n", "[y]", "[n]", "--more--", "press any key",
            "press enter", "continue", "confirm", "(end)",
        ]
        guard let last = end.last else { return false }
        if words.contains(where: lower.contains), ":?])>-.".contains(last) { return true }
        return last == "?"
    }
}
