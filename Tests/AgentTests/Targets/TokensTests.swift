// The tokens of ssh_config(5): what this agent makes of them is what ssh makes of them.
import Foundation
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct TokensTests {
    private static let home = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"

    private static let place = Place(
        environment: ["HL_A": "a value", "SSH_AUTH_SOCK": ""], user: NSUserName(), home: home)

    private func resolve(_ config: String, _ name: String) async -> Result<SSHTarget, Fault> {
        await IO.task {
            let targets = Targets(
                settings: TargetSettings(sshConfig: config), place: Self.place)
            return await outcome { try await targets.resolve(TargetName(place: name)) }
        }.value
    }

    /// `ssh -v` shows the key files that it looks for, expanded.
    @Test(
        .needs("ssh"), .needs("sshd"),
        arguments: [
            "%%", "%C", "%d", "%h", "%i", "%k", "%L", "%l", "%n", "%p", "%r", "%u", "${HL_A}x",
            "%%h", "%r@%h:%p", "%j", "%f", "%H", "%K", "%t", "%T", "%z", "${HL_NOT_SET}", "$HL_A",
            "${HL_A", "100%",
        ])
    func `an IdentityFile is the one that ssh looks for`(text: String) async throws {
        let server = try await Self.server.value.get()
        let folder = try TemporaryDirectory("tokens")
        let known = try folder.write(server.knownHosts, to: "known")
        let config = try folder.write(
            """
            Host prod/one
             HostName 127.0.0.1
             Port \(server.port)
             User \(server.user)
             HostKeyAlias [127.0.0.1]:\(server.port)
             UserKnownHostsFile \(known)
             IdentitiesOnly yes
             IdentityFile \(folder.path)/k-\(text)
            """, to: "config")
        let ssh = try RunningProcess(
            try #require(Repository.find("ssh")),
            ["-v", "-F", config, "-o", "BatchMode=yes", "prod/one", "true"],
            environment: Self.place.environment)
        _ = try await ssh.finished()
        let mark = "identity file "
        let theirs = ssh.errors.split(separator: "\n").compactMap { line in
            line.firstRange(of: mark).map { line[$0.upperBound...] }
        }.first.flatMap { line in line.range(of: " type -1").map { String(line[..<$0.lowerBound]) }
        }
        switch await resolve(config, "prod/one") {
        case .success(let target):
            // %j came with a later version than others; where ssh does not know it, this agent may.
            if text == "%j", theirs == nil { return }
            #expect(target.credentials.identityFiles == theirs.map { [$0] } ?? [], "\(ssh.errors)")
        case .failure(let fault):
            #expect(theirs == nil, "\(fault.message)")
            #expect(fault.code == .unavailable && fault.message.contains("prod/one"))
        }
    }

    private static let server = Task { () async -> Result<SSHServer, any Error> in
        do {
            return .success(try await SSHServer.start(SSHServer.Options(shell: .dash)))
        } catch {
            return .failure(error)
        }
    }

    @Test(.needs("ssh")) func `each path and command is expanded as its keyword has it`()
        async throws
    {
        let folder = try TemporaryDirectory("tokens")
        let config = try folder.write(
            """
            Host one
             HostName 192.0.2.1
             User %nobody
             IdentityFile ~/%n
             IdentityFile ~\(NSUserName())/%h
             IdentityFile "/a b/c"
             CertificateFile ${HL_A}/%p
             IdentityAgent ~/agent-%n
             RevokedHostKeys ~/revoked-%p
             UserKnownHostsFile "/my hosts/%n" ~/k
             GlobalKnownHostsFile '/all hosts/x' /g
             ProxyCommand nc %h %p '%r' ~ ${HL_A} %%
            """.replacing("%nobody", with: "nobody"), to: "config")
        let target = try await resolve(config, "one").get()
        let home = Self.home
        #expect(
            target.credentials.identityFiles == ["\(home)/one", "\(home)/192.0.2.1", "/a b/c"])
        #expect(target.credentials.certificateFiles == ["a value/22"])
        #expect(target.credentials.agentSocket == "\(home)/agent-one")
        #expect(target.hostKeys.revoked == "\(home)/revoked-22")
        #expect(
            target.hostKeys.files == ["/my hosts/one", "\(home)/k", "/all hosts/x", "/g"])
        #expect(target.proxyCommand == "nc 192.0.2.1 22 'nobody' ~ ${HL_A} %")
    }

    /// A jump host's name may come from the target's; the user that a caller chooses makes no other
    /// host of it.
    @Test(
        .needs("ssh"),
        arguments: [
            ("gw-%n", "one", ["gw-one"]), ("gw-%h:23", "one", ["gw-192.0.2.1:23"]),
            ("%r@gw,%r-%p.%k", "ada@one:24", ["ada@gw", "ada-24.one"]),
            ("%r@gw", "ada@corp@one", ["ada@corp@gw"]), ("gw-%r", "x@evil@one", nil),
            ("gw-%z", "one", nil), ("192.0.2.7:24", "one", ["192.0.2.7:24"]),
            ("ada@192.0.2.7", "one", ["ada@192.0.2.7"]), ("[fe80::7]", "one", ["fe80::7"]),
        ] as [(String, String, [String]?)])
    func `a ProxyJump leads to the hosts that ssh jumps over`(
        jump: String, name: String, expected: [String]?
    ) async throws {
        let folder = try TemporaryDirectory("tokens")
        let config = try folder.write(
            "Host one\n HostName 192.0.2.1\n ProxyJump \(jump)\n", to: "config")
        switch await resolve(config, name) {
        case .success(let target):
            let hops = target.via.map(\.address)
            let wanted = try #require(expected).map { try TargetName(place: $0) }
            try #require(hops.count == wanted.count)
            for (hop, wanted) in zip(hops, wanted) {
                #expect(hop.host == wanted.host && hop.port == wanted.port ?? 22)
                #expect(hop.user == wanted.user ?? NSUserName())
            }
        case .failure(let fault): #expect(expected == nil, "\(fault.message)")
        }
    }
}
