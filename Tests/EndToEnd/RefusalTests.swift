// What cannot be reached or must not be trusted: each failure has its own plain answer, in time.
import Foundation
import JSON
import Support
import Testing

@Suite struct RefusalTests {
    /// The text of a session that must fail to open, and how long the refusal took.
    func refusal(_ place: Place, _ target: String, _ more: JSON.Object = [:]) async throws -> String
    {
        var arguments = more
        arguments["target"] = .string(target)
        arguments["connect_timeout_s"] = target.contains("192.0.2.1") ? 3 : 15
        let start = ContinuousClock.now
        let result = try await place.caller.call(
            "ssh_session_open", .object(arguments), within: .seconds(40))
        #expect(result["isError"] == true, "\(result)")
        #expect(ContinuousClock.now - start < .seconds(25))
        return result.text.lowercased()
    }

    @Test func `hosts that cannot be reached`() async throws {
        let place = try await Place.shared.value
        let port = try Ports.free()
        let closed = try await refusal(place, "site/root@127.0.0.1:\(port)")
        #expect(closed.contains("refused"), "\(closed)")
        let name = try await refusal(place, "site/root@no-such-host.invalid:22")
        #expect(name.contains("no-such-host.invalid"), "\(name)")
        // TEST-NET-1 answers nobody: either no route here, or silence until the deadline
        let silent = try await refusal(place, "site/root@192.0.2.1:22")
        #expect(silent.contains("192.0.2.1"), "\(silent)")
        let different = Set([closed, name, silent])
        #expect(different.count == 3)
    }

    @Test func `an unknown agent names those there are`() async throws {
        let text = try await refusal(Place.shared.value, "sit/local")
        #expect(text.contains("site"), "\(text)")
    }

    @Test func `a changed host key is refused with its fingerprint`() async throws {
        let place = try await Place.start(["good": .init(shell: .dash)])
        let server = try #require(place.servers["good"])
        let other = try await SSHKey.make(.ed25519, at: place.home.directory.file("other"))
        let line = other.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        // both files the agent knows: one good entry in either would do, as for OpenSSH
        for directory in [place.home.directory, server.directory] {
            try directory.write("[127.0.0.1]:\(server.port) \(line)\n", to: "known_hosts")
        }
        let changed = try await refusal(place, "site/good")
        let fingerprint = try await server.hostKeys[0].fingerprint().lowercased()
        #expect(changed.contains(fingerprint), "\(changed)")
        for directory in [place.home.directory, server.directory] {
            try directory.write("", to: "known_hosts")
        }
        let unknown = try await refusal(place, "site/good")
        #expect(unknown.contains(fingerprint) && unknown.contains("trust"), "\(unknown)")
        #expect(changed != unknown)
        await place.home.stop()
    }

    @Test(.needs(.pythonClients))
    func `a password opens a session and a wrong one is refused`() async throws {
        let server = try await PasswordServer()
        let place = try await Place.start([:])
        try place.home.directory.write(server.knownHosts, to: "known_hosts")
        let target = "site/\(server.user)@127.0.0.1:\(server.port)"
        let wrong = try await refusal(place, target, ["password": "wrong"])
        #expect(!wrong.contains("wrong\""), "\(wrong)")
        let opened = try await place.caller.structured(
            "ssh_session_open",
            ["target": .string(target), "password": .string(server.password)])
        let session = OpenSession(
            id: opened["session_id"]?.stringValue ?? "", caller: place.caller, opened: opened)
        #expect(try await session.run("echo in").output == "in\n")
        await place.home.stop()
    }

    @Test(arguments: KeyKind.allCases)
    func `each kind of key opens a hardened server`(kind: KeyKind) async throws {
        var options = SSHServer.Options(shell: .dash, settings: SSHServer.Options.hardened)
        options.userKey = kind
        options.hostKeys = [kind]
        let place = try await Place.start(["hard": options])
        let session = try await place.open("hard")
        #expect(try await session.run("echo in").output == "in\n")
        await place.home.stop()
    }

    @Test func `a client without a good token learns nothing`() async throws {
        let place = try await Place.shared.value
        for token in [nil, "wrong"] {
            let caller = try MCPCaller(url: place.home.url, token: token)
            let answer = try await caller.post(Array("{}".utf8), headers: [])
            #expect(answer.status == 401)
            #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            #expect(!answer.text.contains("site"))
        }
    }
}
