// Logging in with passwords and with the prompts of keyboard-interactive. Part of Login.
// Invariant: an answer goes to a prompt that asks for its kind (PromptAnswers), each once; a prompt
// that nothing answers is not answered with nothing, which a server would count as a wrong one.
internal import CSSH2
internal import Crypto
internal import Loop

extension Login {

    /// Sends a password by the `password` method; whether that ended the login.
    func tryPassword(_ password: SecretBytes) async -> Bool {
        let (raw, user) = (session.raw, user)
        session.reply = nil
        let code = await link.perform {
            password.withText { text in
                libssh2_userauth_password_ex(
                    raw, user, UInt32(user.count - 1), text, UInt32(password.count), nil)
            }
        }
        if code == 0 { return true }
        if case .passwordChange(let prompt) = session.reply {
            record("password", PromptAnswers.expired(prompt))
        } else if notePartialSuccess("password") {
            isPasswordAccepted = true
        } else {
            record(
                "password",
                code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ? "refused" : session.lastError)
        }
        return false
    }

    /// Answers the server's prompts; whether that ended the login.
    ///
    /// One that asks for a code gets the code, one that hides what is typed the password, each
    /// once. A server may ask nothing, and wait for a person (a push to a telephone).
    func tryInteractive() async -> Bool {
        let (raw, user) = (session.raw, user)
        let ways = link.configuration.authentication
        let password = isPasswordAccepted ? nil : ways.lazy.compactMap(\.password).first
        let code = ways.lazy.compactMap(\.code).first
        var answers = PromptAnswers(password: password?.copy, code: code?.copy)
        let isLast = nextMethod() == nil
        session.reply = nil
        session.asked = { [session] prompt, echoes in
            let answer = answers.answer(prompt, echoes: echoes)
            if answer == nil, isLast {
                session.transport.drain("the server asks what nothing answers")
            }
            return answer
        }
        session.informed = { [weak self] text, prompts in
            answers.informed(text)
            // Nothing to answer: what follows depends on a person.
            if prompts == 0 { IO.assume { self?.waitsForPerson(answers.words) } }
        }
        let patience = LoopTimer(after: Self.patience) { [weak self] in
            self?.waitsForPerson(answers.words)
        }
        defer {
            session.asked = nil
            session.informed = nil
            patience.cancel()
            waiting = nil
        }
        let result = await link.perform {
            libssh2_userauth_keyboard_interactive_ex(
                raw, user, UInt32(user.count - 1), Session.prompted)
        }
        if result == 0 { return true }
        guard link.failure == nil || answers.isUnanswered else { return false }
        if notePartialSuccess("keyboard-interactive") {
            isPasswordAccepted = isPasswordAccepted || password != nil
            return false
        }
        record("keyboard-interactive", answers.outcome)
        hasGivenUp = answers.isUnanswered && (isLast || link.failure != nil)
        return false
    }

    /// Time without a reply to an answer after which the call's progress says that the server waits
    /// for a person: PAM delays a refusal by up to 2 s.
    private static let patience: Duration = .seconds(3)

    private func waitsForPerson(_ words: String) {
        let text = "the server waits for a second factor" + (words.isEmpty ? "" : " (\(words))")
        waiting = LoginAttempt(method: "keyboard-interactive", outcome: text)
        link.configuration.onWaiting?(text)
    }
}
