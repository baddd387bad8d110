// Logins that take several proofs: a key and then a code, prompts for a password and a code.
import Crypto
import Loop
import SSH
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct StepTests {
    private static let password = Authentication.password(SecretBytes("right horse".utf8))
    private static let code = Authentication.code(SecretBytes("424242".utf8))

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

    /// The same by the real sshd and PAM.
    @Test(
        .needs(.pamService),
        arguments: [false, true])
    func `sshd asks through PAM for a password and a code, or for a key and a code`(
        withKey: Bool
    ) async throws {
        let prompts =
            withKey
            ? [("Verification code?", "424242")]
            : [("Password for this place: ", "right-horse"), ("One-time token: ", "424242")]
        var options = SSHServer.Options(shell: .dash)
        options.pam = try await PAMService(prompts)
        let methods = (withKey ? "publickey," : "") + "keyboard-interactive:pam"
        options.settings["AuthenticationMethods"] = methods
        let server = try await SSHServer.start(options)
        let key = Authentication.keyFile(path: server.key.path, passphrase: nil)
        let password = Authentication.password(SecretBytes("right-horse".utf8))
        let ways = [key, password, Self.code]
        let right = try server.link { $0.authentication = ways }
        try await Bystander.beside("PAM \(methods)") {
            #expect(await connectError(right) == nil, "\(server.log)")
        }
        for (wrong, words) in [
            ([key, password, .code(SecretBytes("0".utf8))], "keyboard-interactive: refused"),
            (
                [key, password],
                withKey ? "asks \u{201C}Verification code?" : "asks \u{201C}One-time token"
            ),
            ([password, Self.code], withKey ? "the server accepts publickey" : nil),
        ] {
            let link = try server.link { $0.authentication = wrong }
            let error = await IO.task { await connectError(link) }.value
            guard let words else {
                #expect(error == nil)
                continue
            }
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
            #expect(error?.description.contains("right-horse") == false)
        }
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
