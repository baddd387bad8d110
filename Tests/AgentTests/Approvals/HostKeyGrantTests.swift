// Unknown host keys that a person accepts: an agent alone, with real servers.
import Crypto
import Foundation
import JSON
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct HostKeyGrantTests {
    /// A desk whose agent knows no host key; `known` is the file for new ones.
    @IO private static func desk(
        _ servers: [(alias: String, server: any ConfiguredServer, more: String)]
    ) async throws -> (desk: Desk, known: String) {
        let desk = try await Desk(servers)
        let known = try desk.folder.write("", to: "known")
        for case let server as SSHServer in servers.map(\.server) {
            try server.directory.write("", to: "known_hosts")
        }
        desk.configure { $0.targets.knownHosts = known }
        return (desk, known)
    }

    private static let run: JSON.Object = ["target": "site/web", "command": "echo in"]

    @IO private static func question(
        _ desk: Desk, _ arguments: JSON.Object = run, _ method: Wire.Method = .execute,
        approved: [Grant] = []
    ) async throws -> Question {
        guard case .failure(let fault) = await desk.call(method, arguments, approved: approved)
        else { throw Unavailable("the call went on") }
        #expect(fault.code == .approvalNeeded, "\(fault)")
        return try #require(fault.question, "\(fault)")
    }

    @Test @IO func `a key is asked about where somebody can be asked, and pinned for all`()
        async throws
    {
        let server = try await SSHServer.start(.init(shell: .dash))
        let (desk, known) = try await Self.desk([("web", server, "")])
        // A relay that cannot ask, and an agent that may not, are answered as ever.
        #expect(await desk.code(.execute, Self.run) == .hostKeyUnknown)
        desk.allow { $0.asked.isAllowed = false }
        let refused = await desk.call(.execute, Self.run, approved: [])
        #expect(throws: Fault.self) { try refused.get() }
        if case .failure(let fault) = refused { #expect(fault.code == .hostKeyUnknown) }
        desk.allow { $0.asked.isAllowed = true }

        let question = try await Self.question(desk)
        let parts = server.hostKeys[0].publicLine.split(separator: " ")
        guard case .hostKey(let type, let fingerprint) = question.matter else {
            Issue.record("\(question)")
            return
        }
        #expect(parts.first.map(String.init) == type)
        #expect(fingerprint.hasPrefix("SHA256:"))
        #expect(question.target == "web")
        #expect(question.place?.host == "127.0.0.1" && question.place?.port == Int(server.port))
        // Another digest grants nothing.
        let other = Grant(String(repeating: "A", count: 43), .pin)
        #expect(try await Self.question(desk, approved: [other]) == question)
        #expect(try String(contentsOfFile: known, encoding: .utf8) == "")

        let pin = Grant(question.digest, .pin)
        let ran = try await desk.call(.execute, Self.run, approved: [pin]).get()
        #expect(ran["stdout"] == "in\n")
        #expect(try String(contentsOfFile: known, encoding: .utf8).contains(type))
        // For everyone, and by every relay.
        let bob = Caller(id: "bob", reach: Caller.everywhere)
        #expect(try await desk.call(.execute, Self.run, as: bob).get()["stdout"] == "in\n")
    }

    @Test @IO func `once is for one connection and one principal, and stores nothing`()
        async throws
    {
        let server = try await SSHServer.start(.init(shell: .dash))
        let (desk, known) = try await Self.desk([("web", server, "")])
        let question = try await Self.question(desk)
        let once = Grant(question.digest, .once)
        #expect(try await desk.call(.execute, Self.run, approved: [once]).get()["stdout"] == "in\n")
        #expect(try String(contentsOfFile: known, encoding: .utf8) == "")
        // The connection is there for its principal, and for no other.
        #expect(try await desk.call(.execute, Self.run, approved: []).get()["stdout"] == "in\n")
        let bob = Caller(id: "bob", reach: Caller.everywhere)
        let foreign = await desk.call(.execute, Self.run, as: bob, approved: [])
        guard case .failure(let fault) = foreign else {
            Issue.record("bob is in")
            return
        }
        #expect(fault.code == .approvalNeeded)
        // Beside it, bob may have one of his own.
        let own = await desk.call(.execute, Self.run, as: bob, approved: [once])
        #expect(try own.get()["stdout"] == "in\n")
        #expect(desk.service.links.open.count == 2)
        server.cutConnections()
        #expect(await until { desk.service.links.open.isEmpty })
        #expect(try await Self.question(desk) == question)
    }

    @Test @IO func `what goes over a jump host accepted once is for one principal too`()
        async throws
    {
        let (hop, goal) = (
            try await SSHServer.start(.init(shell: .dash)),
            try await SSHServer.start(.init(shell: .dash))
        )
        let (desk, _) = try await Self.desk([
            ("hop", hop, ""), ("goal", goal, "    ProxyJump hop\n"),
        ])
        let run = Self.run.with(["target": "site/goal"])
        let first = try await Self.question(desk, run)
        let once = Grant(first.digest, .once)
        let second = try await Self.question(desk, run, approved: [once])
        let both = [once, Grant(second.digest, .pin)]
        #expect(try await desk.call(.execute, run, approved: both).get()["stdout"] == "in\n")
        #expect(try await desk.call(.execute, run, approved: []).get()["stdout"] == "in\n")
        // The goal's key is stored for all, the hop's is not.
        let bob = Caller(id: "bob", reach: Caller.everywhere)
        guard case .failure(let fault) = await desk.call(.execute, run, as: bob, approved: [])
        else {
            Issue.record("bob is in")
            return
        }
        #expect(fault.code == .approvalNeeded && fault.question == first, "\(fault)")
        let own = await desk.call(.execute, run, as: bob, approved: [once])
        #expect(try own.get()["stdout"] == "in\n")
        #expect(desk.service.links.open.count == 4)
    }

    @Test @IO func `of two keys of one host that two persons pin, the first is stored`()
        async throws
    {
        let folder = try TemporaryDirectory("known")
        let file = folder.file("known")
        var keys: [HostKey] = []
        for name in ["one", "two"] {
            let line = try await SSHKey.make(.ed25519, at: folder.file(name)).publicLine
            let text = String(line.split(separator: " ")[1])
            keys.append(try #require(Base64.decode(text).flatMap { HostKey(blob: $0) }))
        }
        // The same key again adds nothing.
        for key in [keys[0], keys[0]] {
            try await KnownHosts.trust(key, host: "web", port: 22, file: file)
        }
        let before = try String(contentsOfFile: file, encoding: .utf8)
        #expect(before.split(separator: "\n").count == 1)
        do throws(SSHError) {
            try await KnownHosts.trust(keys[1], host: "web", port: 22, file: file)
            Issue.record("both are stored")
        } catch {
            guard case .hostKeyChanged(_, _, let offered) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(offered == keys[1])
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
    }

    @Test @IO func `a key that differs from the stored one, or from the one shown, is not taken`()
        async throws
    {
        let server = try await SSHServer.start(.init(shell: .dash))
        let other = try await SSHServer.start(.init(shell: .dash))
        let (desk, known) = try await Self.desk([("web", server, "")])
        let question = try await Self.question(desk)
        // The host at that address is another one now.
        let key = other.hostKeys[0].publicLine.split(separator: " ")[1]
        try "[127.0.0.1]:\(server.port) ssh-ed25519 \(key)\n".write(
            toFile: known, atomically: true, encoding: .utf8)
        let pin = Grant(question.digest, .pin)
        let changed = await desk.call(.execute, Self.run, approved: [pin])
        guard case .failure(let fault) = changed else {
            Issue.record("taken")
            return
        }
        #expect(fault.code == .hostKeyChanged && fault.question == nil)
    }

    @Test @IO func `each jump host asks for itself, whatever the call`() async throws {
        let (hop, goal) = (
            try await SSHServer.start(.init(shell: .dash)),
            try await SSHServer.start(.init(shell: .dash))
        )
        let folder = try TemporaryDirectory("transfer")
        defer { withExtendedLifetime(folder) {} }
        let calls: [(Wire.Method, JSON.Object)] = [
            (.execute, ["target": "site/goal", "command": "true"]),
            (.openSession, ["target": "site/goal"]),
            (.listFiles, ["target": "site/goal", "path": "/"]),
            (.openForward, ["target": "site/goal", "kind": "remote", "to": "127.0.0.1:9"]),
            (.readHost, ["target": "site/goal", "what": "memory"]),
            (
                .startTransfer,
                [
                    "target": "site/local", "path": "/etc/hostname", "to_target": "site/goal",
                    "to_path": .string(folder.file("hostname")),
                ]
            ),
        ]
        for (method, arguments) in calls {
            let (desk, _) = try await Self.desk([
                ("hop", hop, ""), ("goal", goal, "    ProxyJump hop\n"),
            ])
            let first = try await Self.question(desk, arguments, method)
            #expect(first.target == "hop", "\(method)")
            let once = Grant(first.digest, .once)
            let second = try await Self.question(desk, arguments, method, approved: [once])
            #expect(second.target == "goal", "\(method)")
            let both = [once, Grant(second.digest, .once)]
            let done = await desk.call(method, arguments, approved: both)
            #expect(throws: Never.self, "\(method)") { try done.get() }
            desk.service.links.shutDown()
        }
    }

    /// Logs in to a target for a call of ada's with these grants; `begins` is set right before.
    @IO private static func reaching(
        _ desk: Desk, _ target: SSHTarget, _ grants: [Grant], _ begins: Once<Bool>
    ) -> Task<Result<Void, Fault>, Never> {
        let asking = Asking(grants, for: "ssh_execute", .object([:]), isAllowed: true)
        return IO.task { () async -> Result<Void, Fault> in
            await Sharer.serving("ada") { () async -> Result<Void, Fault> in
                await asking.during { () async -> Result<Void, Fault> in
                    begins.set(true)
                    return await outcome {
                        try await desk.service.links.reach(target, LinkOptions())
                    }
                }
            }
        }
    }

    @Test @IO func `a call with an answer does not share the failure of one without`() async throws
    {
        let server = try await SSHServer.start(.init(shell: .dash))
        let line = try SlowLink(to: server.port)
        defer { line.close() }
        let slow = try server.configuration(alias: "slow").replacingOccurrences(
            of: "Port \(server.port)", with: "Port \(line.port)")
        let (desk, _) = try await Self.desk([("web", server, slow)])
        let question = try await Self.question(desk, Self.run.with(["target": "site/slow"]))
        let target = try await desk.service.targets.resolve(TargetName("slow"))
        // The server says nothing until both wait for one attempt.
        line.stall()
        let (first, second) = (Once<Bool>(), Once<Bool>())
        let without = Self.reaching(desk, target, [], first)
        _ = await first.wait()
        let with = Self.reaching(desk, target, [Grant(question.digest, .once)], second)
        _ = await second.wait()
        let links = desk.service.links
        #expect(links.summary.opening == 1 && links.open.isEmpty)
        line.resume()
        let answered = await with.value
        #expect(throws: Never.self) { try answered.get() }
        guard case .failure(let fault) = await without.value else {
            Issue.record("the call without an answer is in")
            return
        }
        #expect(fault.question == question, "\(fault)")
    }
}
