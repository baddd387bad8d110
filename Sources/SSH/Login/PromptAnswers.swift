// The answers to keyboard-interactive prompts (RFC 4256): a password and a one-time code.
// Invariant: each is given once, and the code only to a prompt that asks for one.

/// The answers of one keyboard-interactive attempt.
struct PromptAnswers {
    private var password: [UInt8]?
    private var code: [UInt8]?
    private let hadPassword: Bool
    private var unanswered: String?
    private var given = 0
    /// What the server said without asking.
    private var notice = ""

    init(password: [UInt8]?, code: [UInt8]?) {
        self.password = password
        self.code = code
        hadPassword = password != nil
    }

    /// Whether the server asked a question that no configured answer fits.
    var isUnanswered: Bool { unanswered != nil }

    /// The server's last notice, shortened and without control characters.
    var words: String { Self.plain(notice).split(separator: " ").joined(separator: " ") }

    /// Takes what the server says before its prompts.
    mutating func informed(_ text: String) {
        if text.contains(where: { !$0.isWhitespace }) { notice = text }
    }

    /// The answer to a prompt; nil: there is none.
    mutating func answer(_ prompt: String, echoes: Bool) -> [UInt8]? {
        if Self.asksForCode(prompt), let code {
            self.code = nil
            given += 1
            return code
        }
        // A prompt with echo gets no secret; with no password, any hidden prompt may be for the
        // code.
        if !echoes, let secret = password ?? (hadPassword ? nil : code) {
            if password == nil { code = nil } else { password = nil }
            given += 1
            return secret
        }
        if unanswered == nil { unanswered = prompt }
        return nil
    }

    /// How the attempt went, for the error.
    var outcome: String {
        guard let unanswered else {
            let said = words.isEmpty ? "" : "; the server said \u{201C}\(words)\u{201D}"
            return (given > 0 ? "refused" : "refused without a question") + said
        }
        if Self.asksForChange(unanswered) || Self.asksForChange(notice) {
            return Self.expired(unanswered)
        }
        return "asks \u{201C}\(Self.plain(unanswered))\u{201D}, for which there is no answer"
    }

    /// The outcome where the server wants a new password.
    static func expired(_ prompt: String) -> String {
        let words = plain(prompt)
        return "the password is right, but has expired"
            + (words.isEmpty ? "" : " (the server asks \u{201C}\(words)\u{201D})")
            + ": a person has to change it"
    }

    private static func plain(_ text: String) -> String {
        let words = text.unicodeScalars.map { $0.value < 32 ? " " : $0 }.prefix(120)
        return String(String.UnicodeScalarView(words))
    }

    private static func asksForChange(_ text: String) -> Bool {
        let words = text.lowercased()
        return ["new password", "change your password", "password has expired", "current password"]
            .contains { words.contains($0) }
    }

    private static func asksForCode(_ prompt: String) -> Bool {
        let words = prompt.lowercased()
        return ["code", "otp", "token", "one-time", "passcode", "authenticator", "2fa"]
            .contains { words.contains($0) }
    }
}
