// Logins that take several proofs: a key and then a code, prompts for a password and a code.
import Loop
import SSH
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct StepTests {
    private static let password = Authentication.password(Array("right horse".utf8))
    private static let code = Authentication.code(Array("424242".utf8))

    @Test(arguments: [
        ["publickey", "code"], ["publickey", "password"], ["both"], ["password", "code"],
        ["publickey", "both"], ["code"],
    ])
    func `each step is passed with its own proof`(steps: [String]) async throws {
        let server = try await StepServer(steps)
        let link = server.link([
            .keyFile(path: server.key.path, passphrase: nil), Self.password, Self.code,
        ])
        #expect(await IO.task { await connectError(link) }.value == nil)
    }

    @Test func `a prompt that nothing answers is told`() async throws {
        let server = try await StepServer(["publickey", "code"])
        let link = server.link([.keyFile(path: server.key.path, passphrase: nil), Self.password])
        guard
            case .authenticationFailed(_, let tried, let accepted) =
                await IO.task({ await connectError(link) }).value
        else {
            Issue.record("no failed login")
            return
        }
        #expect(accepted == ["keyboard-interactive"])
        #expect(tried.contains { $0.outcome.contains("Verification code: ") })
        #expect(!tried.contains { $0.description.contains("right horse") })
    }

    @Test func `a password never goes where a code is asked for or where it would be shown`() {
        var answers = PromptAnswers(password: [1], code: [2])
        #expect(answers.answer("Login name: ", echoes: true) == nil)
        #expect(answers.answer("Enter your OTP: ", echoes: true) == [2])
        #expect(answers.answer("Password: ", echoes: false) == [1])
        #expect(answers.answer("Password again: ", echoes: false) == nil)
        var alone = PromptAnswers(password: nil, code: [2])
        #expect(alone.answer("Challenge: ", echoes: false) == [2])
        #expect(alone.answer("Challenge: ", echoes: false) == nil)
    }
}
