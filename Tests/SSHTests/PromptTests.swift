// Servers that ask nothing and wait for a person, that ask what nothing answers, or that want a new
// password.
import Crypto
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct PromptTests {
    private static let password = Authentication.password(SecretBytes("right horse".utf8))

    /// What a login waited for.
    @IO private final class Heard { var lines: [String] = [] }

    @Test(
        .needs(.pythonClients),
        arguments: [["push"], ["publickey", "push"], ["password", "push"]])
    func `a factor that asks nothing is waited for, and said to be`(steps: [String]) async throws {
        let server = try await StepServer(steps)
        let ways: [Authentication] = [
            .keyFile(path: server.key.path, passphrase: nil), Self.password,
        ]
        try await onLoop {
            for ways in [ways, Array(ways.prefix(steps[0] == "password" ? 2 : 1))] {
                let heard = Heard()
                var configuration = server.link(ways)
                configuration.onWaiting = { heard.lines.append($0) }
                #expect(await connectError(configuration) == nil, "\(steps)")
                #expect(
                    heard.lines.first
                        == "the server waits for a second factor (Pushed to +XX XXX-42)")
            }
        }
    }

    @Test(.needs(.pythonClients)) func `a login that nobody confirms says what it waited for`()
        async throws
    {
        let server = try await StepServer(["publickey", "push"])
        var configuration = server.link([.keyFile(path: server.key.path, passphrase: nil)])
        configuration.limits.login = .milliseconds(400)
        configuration.limits.person = .milliseconds(450)
        let error = await IO.task { [configuration] in await connectError(configuration) }.value
        guard case .loginTimedOut = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let words = try #require(error).description
        #expect(words.contains("accepted, and the server wants another step"), "\(words)")
        #expect(words.contains("waits for a second factor (Pushed to"), "\(words)")
    }

    @Test(.needs(.pythonClients))
    func `a prompt that nothing answers is not answered with nothing`()
        async throws
    {
        let server = try await StepServer(["code"])
        let configuration = server.link([.keyFile(path: server.key.path, passphrase: nil)])
        let error = await IO.task { await connectError(configuration) }.value
        let words = try #require(error).description
        #expect(words.contains("asks \u{201C}Verification code: \u{201D}"), "\(words)")
        #expect(server.answers == [], "an empty answer counts as a wrong one")
    }

    @Test(.needs(.pythonClients)) func `a password that has expired is not called refused`()
        async throws
    {
        let prompts = try await StepServer(["expired"])
        let method = try await PasswordServer.start("expired")
        for configuration in [prompts.link([Self.password]), method.link()] {
            let error = await IO.task { await connectError(configuration) }.value
            let words = try #require(error).description
            #expect(words.contains("the password is right, but has expired"), "\(words)")
            #expect(!words.contains("refused") && !words.contains("right horse"), "\(words)")
        }
    }
}
