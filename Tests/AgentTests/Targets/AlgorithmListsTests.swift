// The lists of algorithms in ssh_config are obeyed, beside `ssh` with the same file at a real sshd.
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct AlgorithmListsTests {
    /// A server, what the configuration says of it, and whether `ssh` enters.
    struct Row: Sendable {
        let server: [String: String]
        let lines: String
        /// The algorithm in the server's log that the link must use; nil: `ssh` does not enter.
        let used: String?
        /// Whether the keys are of RSA, which take longer to make.
        let isRSA: Bool

        init(
            _ server: [String: String], _ lines: String, uses used: String?, rsa isRSA: Bool = false
        ) {
            (self.server, self.lines, self.used, self.isRSA) = (server, lines, used, isRSA)
        }
    }

    static let rows: [Row] = [
        Row([:], "Ciphers aes128-ctr\nMACs hmac-sha2-512", uses: "aes128-ctr"),
        Row([:], "Ciphers aes256-gcm@openssh.com", uses: "aes256-gcm@openssh.com"),
        Row([:], "Ciphers -chacha20*,aes*-ctr", uses: "aes128-gcm@openssh.com"),
        Row([:], "KexAlgorithms ecdh-sha2-nistp384", uses: "ecdh-sha2-nistp384"),
        Row([:], "KexAlgorithms ^diffie-hellman-group14-sha256", uses: "group14-sha256"),
        Row(["Ciphers": "aes256-ctr"], "Ciphers aes128-ctr", uses: nil),
        Row(["Ciphers": "aes128-cbc"], "", uses: nil),
        Row(["Ciphers": "aes128-cbc"], "Ciphers +aes128-cbc", uses: "aes128-cbc"),
        Row(["Ciphers": "3des-cbc"], "Ciphers 3des-cbc,aes128-cbc", uses: "3des-cbc"),
        Row(
            ["Ciphers": "aes128-ctr", "MACs": "hmac-sha1"], "MACs hmac-sha1,hmac-md5",
            uses: "hmac-sha1"),
        Row(
            ["Ciphers": "aes128-ctr", "MACs": "hmac-sha2-256"], "MACs hmac-sha2-512", uses: nil),
        Row(["KexAlgorithms": "diffie-hellman-group14-sha1"], "", uses: nil),
        Row(
            ["KexAlgorithms": "diffie-hellman-group14-sha1"],
            "KexAlgorithms +diffie-hellman-group14-sha1", uses: "diffie-hellman-group14-sha1"),
        Row(
            ["KexAlgorithms": "diffie-hellman-group1-sha1"],
            "KexAlgorithms +diffie-hellman-group1-sha1", uses: "diffie-hellman-group1-sha1"),
        Row(["HostKeyAlgorithms": "ssh-rsa"], "HostKeyAlgorithms +ssh-rsa", uses: "ssh-rsa"),
        Row(
            ["HostKeyAlgorithms": "ssh-rsa"], "KexAlgorithms +diffie-hellman-group14-sha1",
            uses: nil),
        Row(
            ["PubkeyAcceptedAlgorithms": "rsa-sha2-256"], "PubkeyAcceptedAlgorithms rsa-sha2-256",
            uses: "public key rsa-sha2-256", rsa: true),
        Row(["PubkeyAcceptedAlgorithms": "ssh-rsa"], "", uses: nil, rsa: true),
        Row(
            ["PubkeyAcceptedAlgorithms": "ssh-rsa"], "PubkeyAcceptedAlgorithms ssh-rsa",
            uses: "public key ssh-rsa", rsa: true),
        // An old device, as its operators write it.
        Row(
            [
                "KexAlgorithms": "diffie-hellman-group14-sha1", "HostKeyAlgorithms": "ssh-rsa",
                "Ciphers": "aes128-ctr", "MACs": "hmac-sha1",
            ],
            "KexAlgorithms +diffie-hellman-group14-sha1\nHostKeyAlgorithms +ssh-rsa",
            uses: "hmac-sha1"),
    ]

    @Test(.needs("ssh"), .needs("sshd"), arguments: rows.indices)
    func `what ssh enters with its lists is entered, with an algorithm of them`(
        index: Int
    ) async throws {
        let row = Self.rows[index]
        var options = SSHServer.Options(shell: .dash, settings: row.server)
        options.settings["LogLevel"] = "DEBUG2"
        if row.isRSA || row.server["HostKeyAlgorithms"] != nil { options.hostKeys = [.rsa] }
        if row.isRSA { options.userKey = .rsa }
        let server = try await SSHServer.start(options)
        let config = try server.directory.write(
            server.configuration(alias: "box") + row.lines + "\n", to: "config")
        let ssh = try RunningProcess(
            try #require(Repository.find("ssh")),
            ["-F", config, "-o", "BatchMode=yes", "box", "true"])
        let enters = try await ssh.finished(within: .seconds(30)) == .exited(0)
        #expect(enters == (row.used != nil), "ssh: \(ssh.errors)")
        let before = server.log.count
        let folder = server.directory.path
        let result = await IO.task {
            await outcome {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder))
                let links = Links()
                defer { links.shutDown() }
                _ = try await links.link(to: try await targets.resolve(TargetName("box")))
            }
        }.value
        switch (result, row.used) {
        case (.success, let used?):
            let log = server.log.dropFirst(before)
            #expect(log.contains(used), "\(log)")
        case (.failure(let fault), nil):
            #expect([.algorithmsRefused, .authenticationFailed].contains(fault.code), "\(fault)")
            // What the configuration leaves is named.
            if let keyword = row.lines.split(separator: " ").first, row.lines.contains("-") {
                #expect(fault.message.contains(keyword), "\(fault.message)")
            }
        default: Issue.record("\(row): \(result)")
        }
    }

    @Test(
        .needs("ssh"),
        arguments: [
            ("Ciphers -*", "Ciphers"), ("KexAlgorithms sntrup761x25519-sha512@openssh.com", ""),
            ("HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com", ""),
            ("Ciphers aes128-ctr\nMACs umac-64@openssh.com", "MACs"),
        ])
    func `a list of which nothing is left is refused by its name`(
        lines: String, name: String
    ) async throws {
        let folder = try TemporaryDirectory("lists")
        let config = try folder.write("Host box\n\(lines)\n", to: "config")
        let result = await IO.task {
            await outcome {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder.path))
                _ = try await targets.resolve(TargetName("box"))
            }
        }.value
        guard case .failure(let fault) = result else {
            Issue.record("\(lines) is taken")
            return
        }
        let keyword = name.isEmpty ? String(lines.prefix { $0 != " " }) : name
        #expect(fault.message.contains(keyword), "\(fault.message)")
    }
}
