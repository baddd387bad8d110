// The answers to keyboard-interactive prompts (RFC 4256): a password and a one-time code.
// Invariant: each is given once, and the code only to a prompt that asks for one.

/// The answers of one keyboard-interactive attempt.
struct PromptAnswers {
    private var password: [UInt8]?
    private var code: [UInt8]?
    private let hadPassword: Bool
    private var unanswered: String?
    private var given = 0

    init(password: [UInt8]?, code: [UInt8]?) {
        self.password = password
        self.code = code
        hadPassword = password != nil
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

    /// How the attempt went, for the error; the prompt is shortened, and control characters are
    /// removed.
    var outcome: String {
        guard let unanswered else { return given > 0 ? "refused" : "refused without a question" }
        let words = String(unanswered.unicodeScalars.prefix(80).filter { $0.value >= 32 })
        return "asks \u{201C}\(words)\u{201D}, for which there is no answer"
    }

    private static func asksForCode(_ prompt: String) -> Bool {
        let words = prompt.lowercased()
        return ["code", "otp", "token", "one-time", "passcode", "authenticator", "2fa"]
            .contains { words.contains($0) }
    }
}
