// Where the kernel cannot be asked: does the last, unfinished line look like a question? A guess,
// reported as one. Invariant: only an unfinished line can be a prompt.

/// Guesses from text only.
public enum PromptGuess {
    /// The most characters of a line that are looked at.
    private static let lineLimit = 200

    /// The last line of clean text if it is unfinished; else nil.
    public static func openLine(of text: String) -> String? {
        guard let last = text.split(separator: "\n", omittingEmptySubsequences: false).last else {
            return nil
        }
        let line = last.suffix(lineLimit)
        guard line.allSatisfy(\.isWhitespace) else { return String(line) }
        // A prompt at the right margin was drawn, and the cursor is back behind the text.
        guard let end = last.lastIndex(where: { !$0.isWhitespace }) else { return nil }
        return last[...end].suffix(lineLimit - 1) + " "
    }

    /// Whether a line looks like the prompt of a shell: other line editors' prompts (`>>> `,
    /// `mysql> `, `db=# `) do not.
    public static func isShellPrompt(_ line: String) -> Bool {
        var end = Substring(line)
        while end.last?.isWhitespace == true { end.removeLast() }
        guard let last = end.last, let first = end.first(where: { !$0.isWhitespace }) else {
            return false
        }
        if "❯➜λ▶»".contains(last) || "❯➜".contains(first) { return true }
        // A mere number before the sign is progress (`45%`), not zsh's prompt (`web01%`).
        if last == "%" {
            let word = end.dropLast().split(separator: " ").last ?? ""
            return word.isEmpty || word.contains { !$0.isNumber && !".,%".contains($0) }
        }
        if last == "$" { return true }
        // zsh's `select` asks so.
        if end == "?#" { return false }
        if last == "#" { return !end.dropLast().hasSuffix("=") }
        return last == ">" && end.contains { "@~/".contains($0) } && !isQuestion(line)
    }

    /// What asks for a secret, in the languages of common installations.
    private static let secrets = [
        "password", "passphrase", "passcode", "secret", "verification code", "one-time", "passwort",
        "kennwort", "mot de passe", "contraseña", "senha", "hasło", "heslo", "wachtwoord",
        "lösenord",
        "parola", "пароль", "密码", "密碼", "パスワード", "암호",
    ]

    /// Whether a line asks for a secret.
    public static func asksForSecret(_ line: String) -> Bool {
        let lower = line.lowercased()
        guard let last = lower.last(where: { !$0.isWhitespace }), ":?>)：".contains(last) else {
            return false
        }
        let single = lower.split { !$0.isLetter }
        return secrets.contains(where: lower.contains) || single.contains("pin")
            || single.contains("otp")
    }

    /// Whether code reads a line without showing it (`read -s`): fish's editor draws the prompt as
    /// for any other line.
    public static func readsSilently(_ code: String) -> Bool {
        let words = code.split { " \t\n;'\"()|&".contains($0) }
        return words.indices.contains { index in
            words[index] == "read"
                && words[(index + 1)...].prefix { $0.hasPrefix("-") }.contains {
                    $0 == "--silent" || !$0.hasPrefix("--") && $0.contains("s")
                }
        }
    }

    /// Whether an unfinished line that nothing has followed for a while may be a prompt of any
    /// kind: it ends as prompts do, and not with a percentage.
    public static func mayAsk(_ line: String) -> Bool {
        let text = line.reversed().drop { $0.isWhitespace }
        guard let last = text.first else { return false }
        if last == "%", text.dropFirst().first?.isNumber == true { return false }
        return ">:?])$#%".contains(last) || isShellPrompt(line) || isQuestion(line)
    }

    /// What asks for a key, whatever sign ends the line.
    private static let keys = ["press any key", "press enter", "press return", "hit any key"]

    /// Whether a line asks for something.
    public static func isQuestion(_ line: String) -> Bool {
        let lower = line.lowercased()
        var end = Substring(lower)
        while end.last?.isWhitespace == true { end.removeLast() }
        let words = [
            "password", "passphrase", "passcode", "verification code", "one-time",
            "yes/no", "[y/n]", "(y/n)", "y/n", "[y]", "[n]", "--more--", "continue", "confirm",
            "(end)",
        ]
        guard let last = end.last else { return false }
        let single = lower.split { !$0.isLetter }
        if single.contains("pin") || single.contains("otp"), ":?])>-.".contains(last) {
            return true
        }
        if words.contains(where: lower.contains), ":?])>-.".contains(last) { return true }
        return last == "?" || end == "?#" || keys.contains(where: lower.contains)
    }
}
