// How often and in which order a login knocks, beside `ssh` on the same server with the same keys:
// a server counts refused keys (MaxAuthTries), and locks out who comes too often.
import Crypto
import Foundation
import Loop
import Support
import Testing

@testable import SSH

/// The user's keys and ssh-agent for one login.
struct KeySetup: Sendable {
    var server: SSHServer
    /// Paths named by IdentityFile.
    var files: [String] = []
    var agent: KeyAgent?
    var identitiesOnly = false
    var more: [String] = []

    /// The fingerprints of refused keys and of the accepted one, as the server logged them.
    ///
    /// The last lines of the connection before may come behind `start`.
    private func knocks(since start: Int, entered: Bool) async -> [String] {
        let isOver = await holds {
            server.log.dropFirst(start).contains(entered ? "Accepted publickey" : "[preauth]")
        }
        #expect(isOver)
        return server.log.dropFirst(start).split(whereSeparator: \.isNewline).compactMap { line in
            guard line.contains("Failed publickey") || line.contains("Accepted publickey")
            else { return nil }
            return line.split(separator: " ").first { $0.hasPrefix("SHA256:") }.map(String.init)
        }
    }

    /// What `ssh` with this set-up does: whether it enters, and with which keys it knocked.
    func ssh() async throws -> (enters: Bool, knocks: [String]) {
        let ssh = try #require(OpenSSH.chosen.program("ssh"))
        let known = try server.directory.write(server.knownHosts, to: "known_ssh")
        let lines =
            [
                "Host box", "HostName 127.0.0.1", "Port \(server.port)", "User \(server.user)",
                "UserKnownHostsFile \(known)", "BatchMode yes",
                "IdentitiesOnly \(identitiesOnly ? "yes" : "no")",
                "IdentityAgent \(agent?.socket ?? "none")",
            ] + files.map { "IdentityFile \($0)" } + more
        let config = try server.directory.write(
            lines.joined(separator: "\n") + "\n", to: "config\(UInt32.random(in: 0 ... .max))")
        let start = server.log.count
        let child = try RunningProcess(ssh, ["-F", config, "box", "echo in"])
        try await child.finished(within: .seconds(30))
        let enters = child.output == "in\n"
        return (enters, await knocks(since: start, entered: enters))
    }

    /// What a link with this set-up does.
    func link() async throws -> (error: SSHError?, knocks: [String]) {
        let only = identitiesOnly ? files.compactMap(IdentityFile.publicKey) : nil
        let configuration = try server.link {
            $0.authentication =
                (agent.map { [.agent(socket: $0.socket, only: only)] } ?? [])
                + files.map { .keyFile(path: $0, passphrase: nil) }
        }
        let start = server.log.count
        let error = await IO.task { await connectError(configuration) }.value
        return (error, await knocks(since: start, entered: error == nil))
    }

    /// Both do the same.
    func agree(entering: Bool, _ comment: String) async throws {
        let (theirs, ours) = (try await ssh(), try await link())
        #expect(theirs.enters == entering, "ssh: \(comment)")
        #expect((ours.error == nil) == entering, "\(comment): \(String(describing: ours.error))")
        #expect(ours.knocks == theirs.knocks, "\(comment)")
    }
}

@Suite(.timeLimit(.minutes(2))) struct TriesTests {
    private func server(_ settings: [String: String] = [:]) async throws -> SSHServer {
        try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
    }

    private func keys(_ count: Int, _ server: SSHServer) async throws -> [SSHKey] {
        var keys: [SSHKey] = []
        for index in 0..<count {
            let path = server.directory.file("stranger\(index)")
            keys.append(try await SSHKey.make(index % 2 == 0 ? .ed25519 : .ecdsa, at: path))
        }
        return keys
    }

    @Test(arguments: [(1, 0), (2, 1), (6, 5), (2, 2)])
    func `every try that a server grants is used for a key`(most: Int, wrong: Int) async throws {
        let server = try await server(["MaxAuthTries": "\(most)"])
        let files = try await keys(wrong, server).map(\.path) + [server.key.path]
        try await KeySetup(server: server, files: files).agree(
            entering: wrong < most, "\(wrong) wrong keys of \(most)")
    }

    @Test func `two factors pass where one failure is too many`() async throws {
        let server = try await server([
            "MaxAuthTries": "1", "AuthenticationMethods": "publickey,publickey",
        ])
        let second = try await SSHKey.make(.ecdsa, at: server.directory.file("second"))
        try server.authorize(second.publicLine)
        let setup = KeySetup(server: server, files: [server.key.path, second.path])
        try await setup.agree(entering: true, "two keys")
        let one = try await KeySetup(server: server, files: [server.key.path]).link()
        let words = try #require(one.error).description
        #expect(words.contains("accepted, and the server wants another step"), "\(words)")
        #expect(!words.contains("refused"), "\(words)")
    }

    @Test(.needs(.pamService)) func `a key and a code pass where one failure is too many`()
        async throws
    {
        var options = SSHServer.Options(shell: .dash)
        options.pam = try await PAMService([("Verification code?", "424242")])
        options.settings["AuthenticationMethods"] = "publickey,keyboard-interactive:pam"
        options.settings["MaxAuthTries"] = "1"
        let server = try await SSHServer.start(options)
        let configuration = try server.link {
            $0.authentication.append(.code(SecretBytes("424242".utf8)))
        }
        let error = await IO.task { await connectError(configuration) }.value
        #expect(error == nil, "\(String(describing: error)) \(server.log)")
    }

    @Test func `keys are offered in ssh's order, each once`() async throws {
        let server = try await server(["MaxAuthTries": "6"])
        let strangers = try await keys(7, server)
        let crowd = try await KeyAgent.start(in: server.directory, keys: strangers)
        let all = try await KeyAgent.start(
            in: server.directory, keys: strangers + [server.key])
        let few = try await KeyAgent.start(
            in: server.directory, keys: Array(strangers[..<3]) + [server.key])
        let own = server.key.path
        let copy = server.directory.file("copy")
        try FileManager.default.copyItem(atPath: own, toPath: copy)
        for (agent, files, only, enters, comment) in [
            (all, [own], false, true, "the agent's keys that files name come first"),
            (all, [strangers[6].path, own], false, true, "in the agent's order"),
            (all, [], false, false, "an agent with too many keys"),
            (crowd, [own], false, false, "files come after the agent's keys"),
            (crowd, [own], true, true, "IdentitiesOnly"),
            (few, [strangers[0].path, own, copy, own], false, true, "each once"),
            (few, [strangers[4].path, strangers[0].path], false, true, "a file's key last"),
        ] {
            try await KeySetup(
                server: server, files: files, agent: agent, identitiesOnly: only
            ).agree(entering: enters, comment)
        }
    }

    @Test func `a certificate comes after its key, and a named one at the end`() async throws {
        let server = try await server(["MaxAuthTries": "6"])
        let authority = try await SSHKey.make(.ed25519, at: server.directory.file("ca"))
        let others = try await keys(3, server)
        for key in others { try await key.certify(by: authority, principals: ["nobody-else"]) }
        let files = others.map(\.path)
        try await KeySetup(server: server, files: files).agree(
            entering: false, "three keys with certificates")
        let own = try await KeySetup(server: server, files: [server.key.path, files[0]]).link()
        #expect(own.error == nil && own.knocks.count == 1)
        let agent = try await KeyAgent.start(in: server.directory, keys: Array(others[..<2]))
        try await KeySetup(server: server, files: [files[2], files[0]], agent: agent).agree(
            entering: false, "an agent with keys and certificates")
    }

    @Test func `a public half names the agent's key`() async throws {
        let server = try await server()
        let agent = try await KeyAgent.start(
            in: server.directory, keys: try await keys(3, server) + [server.key])
        let alone = server.directory.file("alone")
        try FileManager.default.copyItem(atPath: server.key.path + ".pub", toPath: alone + ".pub")
        var setup = KeySetup(server: server, files: [alone], agent: agent, identitiesOnly: true)
        try await setup.agree(entering: true, "K.pub alone")
        setup.agent = nil
        let words = try #require(try await setup.link().error).description
        #expect(
            words.contains("publickey \(alone): only its public half is there"), "\(words)")
    }

    /// A newer server announces exactly what it takes, so that the key is not offered at all.
    @Test(arguments: OpenSSH.allCases)
    func `a key of a kind that the server does not take does not spoil the next`(
        release: OpenSSH
    ) async throws {
        guard release.isHere(for: "kinds of key") else { return }
        let server = try await SSHServer.start(
            SSHServer.Options(
                shell: .dash,
                settings: ["PubkeyAcceptedAlgorithms": "ssh-ed25519,ecdsa-sha2-nistp256"],
                release: release))
        let other = try await SSHKey.make(.rsa, at: server.directory.file("rsa"))
        let second = try await SSHKey.make(.rsa, at: server.directory.file("rsa2"))
        let wrong = try await keys(2, server)
        let files = [other, wrong[1], second, wrong[0], server.key].map(\.path)
        let setup = KeySetup(server: server, files: files)
        #expect(try await setup.ssh().enters)
        let link = try await setup.link()
        #expect(link.error == nil, "\(String(describing: link.error))")
        // The server logs the refused keys of other kinds, which were offered as what they are.
        #expect(link.knocks.count >= 3, "\(link.knocks)")
    }

    @Test func `what was looked for and not found is named`() async throws {
        let server = try await server()
        let folder = server.directory.path
        let configuration = try server.link {
            $0.authentication = ["a", "b"].map {
                .keyFile(path: "\(folder)/\($0)", passphrase: nil)
            }
        }
        let error = await IO.task { await connectError(configuration) }.value
        let words = try #require(error).description
        #expect(
            words.contains("publickey \(folder)/a, \(folder)/b: No such file or directory"),
            "\(words)")
        let nothing = try server.link { $0.authentication = [] }
        let none = try #require(await IO.task { await connectError(nothing) }.value).description
        #expect(!none.contains("nothing could be tried"), "\(none)")
        #expect(none.contains("no key file and no ssh-agent is configured"), "\(none)")
    }
}
