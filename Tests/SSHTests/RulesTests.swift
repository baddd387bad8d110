// What ssh_config says about how to log in is obeyed, and named where it forbids what is there.
import Crypto
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct RulesTests {
    private static let password = Authentication.password(SecretBytes("right horse".utf8))

    @Test func `a method that the configuration forbids is not used, and named`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link {
            $0.rules.ruledOut["publickey"] = "PubkeyAuthentication no"
        }
        let start = server.log.count
        let error = await IO.task { await connectError(configuration) }.value
        let words = try #require(error).description
        #expect(
            words.contains(
                "publickey: not used, as the configuration says PubkeyAuthentication no"),
            "\(words)")
        #expect(!server.log.dropFirst(start).contains("publickey for"))
    }

    @Test func `the preferred method comes first, and others not at all`() async throws {
        let server = try await StepServer(["password"])
        let ways: [Authentication] = [
            .keyFile(path: server.key.path, passphrase: nil), Self.password,
        ]
        var first = server.link(ways)
        first.rules.preferred = ["password"]
        var other = first
        other.rules.preferred = ["keyboard-interactive", "publickey"]
        let errors = await IO.task { [first, other] in
            [await connectError(first), await connectError(other)]
        }.value
        #expect(errors[0] == nil)
        let words = try #require(errors[1]).description
        #expect(
            words.contains(
                "password: not used, as the configuration says PreferredAuthentications"
                    + " keyboard-interactive,publickey"), "\(words)")
    }

    @Test func `keys of a kind that is left out are not offered`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        for (algorithms, enters) in [
            (["ssh-ed25519"], true), (["rsa-sha2-512", "ecdsa-sha2-nistp256"], false),
        ] {
            let configuration = try server.link { $0.rules.keyAlgorithms = algorithms }
            let error = await IO.task { await connectError(configuration) }.value
            #expect((error == nil) == enters)
            guard let error else { continue }
            #expect(error.description.contains("PubkeyAcceptedAlgorithms leaves out ssh-ed25519"))
        }
    }
}
