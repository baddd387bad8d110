// A person's answers, here a test's: to host keys that are on no file, and for secrets without a
// source. Real servers; what nobody answers stays refused.
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ApproverTests {
    /// A person of few words.
    @IO final class Person: Approver {
        var trusts: Bool
        var secrets: [String: String] = [:]
        private(set) var asked: [String] = []

        init(trusts: Bool) { self.trusts = trusts }

        func approves(_ key: HostKey, of host: String, for target: String) async -> Bool {
            asked.append("\(target) \(host) \(key.type) \(key.fingerprint)")
            return trusts
        }

        func secret(_ name: String, for target: String) async -> [UInt8]? {
            asked.append("\(target) \(name)")
            return secrets[name].map { Array($0.utf8) }
        }
    }

    @Test func `an unknown host key that a person takes is filed, and asked about once`()
        async throws
    {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        var target = try server.target()
        let file = server.directory.file("approved")
        target.hostKeys.files = [file]
        try await IO.task { [target] () async -> Result<Void, Fault> in
            await outcome {
                let (links, person) = (Links(), Person(trusts: false))
                defer { links.shutDown() }
                await refused(links, target, .hostKeyUnknown)
                links.approver = person
                await refused(links, target, .hostKeyUnknown)
                #expect(person.asked.count == 1)
                person.trusts = true
                let link = try await links.link(to: target)
                let key = try #require(link.server.hostKey)
                let question = "fixture [127.0.0.1]:\(target.port) \(key.type) \(key.fingerprint)"
                #expect(person.asked == [question, question])
                link.close()
                links.approver = nil
                _ = try await Links().link(to: target)
            }
        }.value.get()
    }

    @Test func `a changed host key is no question`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        var target = try server.target()
        let other = try await SSHKey.make(.ed25519, at: server.directory.file("another"))
        let parts = other.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        let line = "[127.0.0.1]:\(target.port) \(parts)\n"
        target.hostKeys.files = [try server.directory.write(line, to: "changed")]
        await IO.task { [target] in
            let (links, person) = (Links(), Person(trusts: true))
            defer { links.shutDown() }
            links.approver = person
            await refused(links, target, .hostKeyChanged)
            #expect(person.asked == [])
        }.value
    }

    @Test func `a secret without a source comes from a person`() async throws {
        let server = try await PasswordServer()
        let folder = try TemporaryDirectory("approver")
        let known = try folder.write(server.knownHosts, to: "known_hosts")
        var target = SSHTarget(
            try TargetName("127.0.0.1"),
            place: Place(environment: [:], user: server.user, home: folder.path))
        (target.name, target.port, target.hostKeys.files) = ("locked", server.port, [known])
        target.credentials.password = "login"
        try await IO.task { [target] () async -> Result<Void, Fault> in
            await outcome {
                let (links, person) = (Links(), Person(trusts: true))
                defer { links.shutDown() }
                await refused(links, target, .invalidArgument)
                links.approver = person
                await refused(links, target, .invalidArgument)
                person.secrets["login"] = server.password
                _ = try await links.link(to: target)
                #expect(person.asked == ["locked login", "locked login"])
            }
        }.value.get()
    }
}

/// A link that is not to be had, and why.
@IO private func refused(_ links: Links, _ target: SSHTarget, _ code: Fault.Code) async {
    do throws(Fault) {
        _ = try await links.link(to: target)
        Issue.record("a link to \(target.name)")
    } catch { #expect(error.code == code, "\(error)") }
}
