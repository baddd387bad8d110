// What ssh_config says about logging in reaches the login, beside `ssh` with the same file.
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct LoginOptionsTests {
    /// A target of a configuration, as the agent resolves it.
    private static func target(_ lines: String, in folder: TemporaryDirectory) async throws
        -> SSHTarget
    {
        let config = try folder.write("Host box\n\(lines)\n", to: "config")
        return try await IO.task {
            await outcome {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder.path))
                return try await targets.resolve(TargetName("box"))
            }
        }.value.get()
    }

    @Test func `the options of authentication become rules`() async throws {
        let folder = try TemporaryDirectory("rules")
        var rows: [(String, LoginRules)] = [("", LoginRules())]
        func add(_ lines: String, _ change: (inout LoginRules) -> Void) {
            var rules = LoginRules()
            change(&rules)
            rows.append((lines, rules))
        }
        add("PubkeyAuthentication no") { $0.ruledOut["publickey"] = "PubkeyAuthentication no" }
        add("PubkeyAuthentication unbound") { _ in }
        add("PasswordAuthentication no") { $0.ruledOut["password"] = "PasswordAuthentication no" }
        add("KbdInteractiveAuthentication no") {
            $0.ruledOut["keyboard-interactive"] = "KbdInteractiveAuthentication no"
        }
        add("NumberOfPasswordPrompts 0") {
            for method in ["password", "keyboard-interactive"] {
                $0.ruledOut[method] = "NumberOfPasswordPrompts 0"
            }
        }
        add("NumberOfPasswordPrompts 1") { _ in }
        add("PreferredAuthentications password,publickey") {
            $0.preferred = ["password", "publickey"]
        }
        for (lines, expected) in rows {
            let rules = try await Self.target(lines, in: folder).credentials.rules
            #expect(rules == expected, "\(lines)")
        }
        let few = try await Self.target("PubkeyAcceptedAlgorithms ssh-ed25519", in: folder)
        #expect(few.credentials.rules.keyAlgorithms == ["ssh-ed25519"])
    }

    @Test func `what ssh enters with its configuration is entered`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let folder = server.directory
        let agent = try await KeyAgent.start(in: folder, keys: [server.key])
        let half = folder.file("half")
        let named = folder.file("plain_sk")
        try FileManager.default.copyItem(atPath: server.key.path + ".pub", toPath: half + ".pub")
        try FileManager.default.copyItem(atPath: server.key.path, toPath: named)
        let known = try folder.write(server.knownHosts, to: "known")
        let base = """
            HostName 127.0.0.1
            Port \(server.port)
            User \(server.user)
            UserKnownHostsFile \(known)

            """
        for (lines, words) in [
            ("IdentityFile \(half)\nIdentitiesOnly yes\nIdentityAgent \(agent.socket)", nil),
            ("IdentityFile \(half).pub\nIdentitiesOnly yes\nIdentityAgent \(agent.socket)", nil),
            ("IdentityFile \(named)\nIdentityAgent none", nil),
            (
                "IdentityFile \(half)\nIdentityAgent none",
                "publickey \(half): only its public half is there"
            ),
            (
                "IdentityFile \(folder.path)/nowhere\nIdentityAgent none",
                "publickey \(folder.path)/nowhere: No such file or directory"
            ),
            (
                "IdentityFile \(named)\nIdentityAgent none\nPubkeyAuthentication no",
                "publickey: not used, as the configuration says PubkeyAuthentication no"
            ),
        ] as [(String, String?)] {
            let target = try await Self.target(base + lines, in: folder)
            let result = await IO.task {
                let links = Links()
                defer { links.shutDown() }
                return await outcome { _ = try await links.link(to: target) }
            }.value
            let ssh = try RunningProcess(
                try #require(Repository.find("ssh")),
                ["-F", folder.file("config"), "-o", "BatchMode=yes", "box", "true"])
            let enters = try await ssh.finished(within: .seconds(30)) == .exited(0)
            #expect(enters == (words == nil), "ssh: \(lines)")
            switch (result, words) {
            case (.success, nil): break
            case (.failure(let fault), let words?):
                #expect(fault.message.contains(words), "\(fault.message)")
            default: Issue.record("\(lines): \(result)")
            }
        }
    }
}
