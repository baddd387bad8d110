// Logging in with passwords and with the prompts of keyboard-interactive. Part of Login.
// Invariant: an answer goes to a prompt that asks for its kind (PromptAnswers), each once.
internal import CSSH2
internal import Crypto
internal import Loop

extension Login {

    func tryPassword(_ password: SecretBytes, _ index: Int) async -> Bool {
        let (raw, user) = (session.raw, user)
        if accepted.contains("password") {
            spent.insert(index)
            let code = await link.perform {
                password.withText { text in
                    libssh2_userauth_password_ex(
                        raw, user, UInt32(user.count - 1), text, UInt32(password.count), nil)
                }
            }
            if code == 0 { return true }
            record(
                "password",
                code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ? "refused" : session.lastError)
            if link.failure != nil { return false }
        }
        guard accepted.contains("keyboard-interactive") else { return false }
        spent.insert(index)
        return await tryInteractive(password)
    }

    /// Answers the server's prompts: one that asks for a code gets the code, one that hides what is
    /// typed the password, each once; any other ends the attempt.
    func tryInteractive(_ password: SecretBytes?) async -> Bool {
        let (raw, user) = (session.raw, user)
        let code = ways.lazy.compactMap(\.authentication.code).first
        var answers = PromptAnswers(password: password?.copy, code: code?.copy)
        for (index, way) in ways.enumerated() where way.authentication.code != nil {
            spent.insert(index)
        }
        session.answer = { prompt, echoes in answers.answer(prompt, echoes: echoes) }
        defer { session.answer = nil }
        let result = await link.perform {
            libssh2_userauth_keyboard_interactive_ex(
                raw, user, UInt32(user.count - 1), Session.prompted)
        }
        if result == 0 { return true }
        record("keyboard-interactive", answers.outcome)
        return false
    }
}
