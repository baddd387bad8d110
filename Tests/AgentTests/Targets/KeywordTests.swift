// The table of ssh_config's keywords: the installed ssh prints none that has no row, what is obeyed
// has an effect, and what is not is shown.
import Foundation
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct KeywordTests {
    private static let place = Place(
        environment: ["HL_SENT": "x", "SSH_AUTH_SOCK": "/s"], user: "me", home: "/home/me")

    /// Lines that set every keyword which `ssh -G` prints only when it is set.
    private static let all = """
        Host *
          BindAddress 127.0.0.1
          BindInterface lo
          ControlPath /c
          HostKeyAlias a
          IdentityAgent /a
          IgnoreUnknown Nothing*
          KbdInteractiveDevices pam
          LocalCommand true
          RemoteCommand true
          PKCS11Provider /p
          PreferredAuthentications publickey
          RevokedHostKeys /r
          KnownHostsCommand /usr/bin/true
          ProxyCommand true
          DynamicForward 1080
          LocalForward 1081 h:22
          RemoteForward 1082 h:22
          CertificateFile /c
          SendEnv HL_*
          SetEnv A=b
          CanonicalDomains example.org
          ConnectTimeout 3
        """

    private func print(
        _ text: String, _ release: OpenSSH
    ) async throws -> [(name: String, value: String)] {
        let folder = try TemporaryDirectory("keywords")
        let config = try folder.write(text, to: "config")
        let ssh = try #require(release.program("ssh"))
        let output = try await RunningProcess.run(ssh, ["-G", "-F", config, "h"])
        return output.split(separator: "\n").map { line in
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    @Test(.needs("ssh"), arguments: OpenSSH.allCases)
    func `every keyword that ssh prints has its row`(release: OpenSSH) async throws {
        guard release.isHere(for: "keywords") else { return }
        let jump = "Host *\n ProxyJump gate\n"
        for (name, value) in try await print(Self.all, release) + print(jump, release)
            + print("", release)
        {
            #expect(Keyword.table[name.lowercased()] != nil, "\(name) \(value)")
        }
    }

    @Test(.needs("ssh"), arguments: OpenSSH.allCases)
    func `a plain configuration has nothing to be noted`(release: OpenSSH) async throws {
        guard release.isHere(for: "keywords") else { return }
        for (name, value) in try await print("", release) {
            #expect(Keyword.note(name[...], value) == nil, "\(name) \(value)")
        }
    }

    /// Values that have an effect; ssh itself obeys the keywords without one while it resolves.
    private static let effective: KeyValuePairs = [
        "hostname": "h2", "port": "2222", "user": "u2", "proxycommand": "nc x", "proxyjump": "g",
        "addressfamily": "inet6", "bindaddress": "127.0.0.1", "bindinterface": "lo",
        "connectionattempts": "3", "connecttimeout": "9", "tcpkeepalive": "no",
        "compression": "yes", "globalknownhostsfile": "/g", "userknownhostsfile": "/u",
        "hostkeyalias": "a", "stricthostkeychecking": "accept-new", "revokedhostkeys": "/r",
        "knownhostscommand": "/usr/bin/lookup %H",
        "requiredrsasize": "4096", "rsaminsize": "4096", "identityfile": "/i",
        "certificatefile": "/c", "identitiesonly": "yes", "identityagent": "/a",
        "sendenv": "HL_*", "setenv": "A=b", "kexalgorithms": "diffie-hellman-group14-sha1",
        "ciphers": "aes128-cbc", "macs": "hmac-sha1", "pubkeyacceptedkeytypes": "ssh-rsa",
        "hostkeyalgorithms": "ssh-rsa", "preferredauthentications": "password",
        "pubkeyacceptedalgorithms": "ssh-rsa", "pubkeyauthentication": "no",
        "passwordauthentication": "no", "kbdinteractiveauthentication": "no",
        "numberofpasswordprompts": "0",
    ]

    @Test func `what is obeyed has an effect, and nothing else has`() throws {
        let resolvedBySSH: Set = [
            "host", "canonicaldomains", "canonicalizefallbacklocal", "canonicalizehostname",
            "canonicalizemaxdots", "canonicalizepermittedcnames", "ignoreunknown", "tag",
        ]
        let values = Dictionary(uniqueKeysWithValues: Self.effective.map { ($0, $1) })
        func target(_ text: String) throws -> SSHTarget {
            var target = SSHTarget(try TargetName(place: "h"), place: Self.place)
            try target.read(text, Surroundings(place: Self.place))
            target.notes = []
            return target
        }
        let plain = try target("")
        for (name, keyword) in Keyword.table.sorted(by: { $0.key < $1.key }) {
            if case .refused = keyword.use {
                #expect(throws: Fault.self, "\(name)") { try target("\(name) value") }
                continue
            }
            let changes = try target("\(name) \(values[name] ?? "value")") != plain
            let isObeyed = keyword.use == .obeyed && !resolvedBySSH.contains(name)
            #expect(changes == isObeyed, "\(name): \(keyword.use)")
        }
    }

    @Test(.needs("ssh")) func `what is not obeyed is named, and the rest is refused`() async throws
    {
        func notes(_ line: String) async throws -> [String] {
            let folder = try TemporaryDirectory("keywords")
            let config = try folder.write("Host h\n \(line)\n", to: "config")
            return try await IO.task {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config), place: Self.place)
                return await outcome { try await targets.resolve(TargetName(place: "h")).notes }
            }.value.get()
        }
        for line in [
            "RemoteCommand tmux attach", "UpdateHostKeys ask",
            "VerifyHostKeyDNS yes", "LocalForward 1080 h:22", "ForwardAgent yes",
            "StrictHostKeyChecking no", "SessionType none",
        ] {
            let name = line.prefix { $0 != " " }.lowercased()
            #expect(try await notes(line).contains { $0.hasPrefix(name) }, "\(line)")
        }
        #expect(try await notes("BindAddress 127.0.0.1") == [])
        await #expect(throws: Fault.self) { try await notes("ProxyUseFdpass yes") }
    }
}
