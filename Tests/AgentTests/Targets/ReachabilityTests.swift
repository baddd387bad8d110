// Which targets answer just now: each kind of host, many at once, and what is not told.
import Crypto
import Foundation
import JSON
import Loop
import Net
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

/// A port that takes connections, says `text` and nothing more; its clients.
@IO private final class Mute {
    private let text: String
    private var listener: Listener?
    private var open: [SocketStream] = []
    /// Connections it has taken.
    var taken: Int { open.count }
    var port: UInt16 { listener?.address?.port ?? 0 }

    init(_ text: String = "", closes: Bool = false) throws {
        self.text = text
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        listener = try Listener.tcp(address) { [unowned self] stream in
            open.append(stream)
            stream.onData = { _ in }
            if !text.isEmpty { stream.write(Array(text.utf8)) }
            if closes { stream.finish() }
        }
    }

    func close() {
        listener?.close()
        for stream in open { stream.close(nil) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ReachabilityTests {
    private static func target(_ name: String, port: UInt16, host: String = "127.0.0.1") throws
        -> SSHTarget
    {
        var target = SSHTarget(
            try TargetName(name), place: Place(environment: [:], user: "u", home: "/"))
        (target.hostname, target.port) = (host, port)
        return target
    }

    @Test @IO func `each kind of host is told apart, and nobody is logged in to`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let mute = try Mute()
        let other = try Mute("220 mail.example ESMTP\r\n")
        let chatty = try Mute("Welcome\r\nto\r\nSSH-2.0-old\r\n")
        defer { for one in [mute, other, chatty] { one.close() } }
        let closed = try Ports.free()
        let good = try Self.target("good", port: server.port)
        let gone = try Self.target("gone", port: closed)
        var behind = try Self.target("behind", port: closed)
        behind.via = [good]
        var beyond = try Self.target("beyond", port: closed)
        beyond.via = [gone, good]
        var proxied = try Self.target("proxied", port: closed)
        proxied.proxyCommand = "touch \(server.directory.file("ran"))"
        var far = try Self.target("far", port: closed)
        far.via = [proxied]
        let targets = [
            good, gone,
            try Self.target("chatty", port: chatty.port),
            try Self.target("lost", port: 22, host: "no-such-host.invalid"), behind, beyond,
            proxied, far,
        ]
        // The limit is long for what answers; the others below use theirs up.
        let answers = await TargetProbe(limit: .seconds(20)).look(at: targets)
        #expect(answers[0] == .reachable && answers[2] == .reachable)
        let silent = [
            try Self.target("mute", port: mute.port), try Self.target("mail", port: other.port),
        ]
        for answer in await TargetProbe(limit: .milliseconds(700)).look(at: silent) {
            // They may greet later.
            guard case .unknown(let reason) = answer else {
                Issue.record("\(answer)")
                continue
            }
            #expect(reason.contains("did not speak SSH within 0.7 seconds"), "\(reason)")
        }
        let words = [
            1: "refused the connection", 3: "no-such-host.invalid", 5: "on the way, gone: ",
        ]
        for (index, word) in words {
            guard case .unreachable(let reason) = answers[index] else {
                Issue.record("\(targets[index].name): \(answers[index])")
                continue
            }
            #expect(reason.contains(word), "\(reason)")
        }
        for (index, word) in [4: "behind good, which answers", 6: "ProxyCommand", 7: "proxied"] {
            guard case .unknown(let reason) = answers[index] else {
                Issue.record("\(targets[index].name): \(answers[index])")
                continue
            }
            #expect(reason.contains(word), "\(reason)")
        }
        #expect(!server.log.contains("Accepted"))
        #expect(!FileManager.default.fileExists(atPath: server.directory.file("ran")))
        // A link through others that is open proves more than a greeting could.
        let probe = TargetProbe(limit: .seconds(20), isOpen: { $0.name == "behind" })
        #expect(await probe.look(at: [behind, gone]).first == .reachable)
    }

    @Test @IO func `all are dialled within one limit, a few at a time, each address once`()
        async throws
    {
        let mutes = try (0..<40).map { _ in try Mute() }
        defer { for mute in mutes { mute.close() } }
        var targets = try mutes.map { try Self.target("m\($0.port)", port: $0.port) }
        targets += targets
        let begin = IO.now
        let answers = await TargetProbe(limit: .seconds(2), width: 8).look(at: targets)
        // One after the other this is 160 s.
        #expect(IO.now - begin < .seconds(40))
        #expect(answers.count == 80)
        #expect(!answers.contains(.reachable))
        #expect(mutes.allSatisfy { $0.taken <= 1 })
    }

    @Test @IO func `checks of the same targets are one, and another principal has its own`()
        async throws
    {
        let mutes = try (0..<3).map { _ in try Mute() }
        defer { for mute in mutes { mute.close() } }
        let targets = try mutes.map { try Self.target("m\($0.port)", port: $0.port) }
        let probe = TargetProbe(limit: .seconds(1), patience: .seconds(30))
        func check(_ targets: [SSHTarget], for principal: String) -> Task<[Reachability], Never> {
            IO.task { await Sharer.serving(principal) { await probe.look(at: targets) } }
        }
        let hers = (0..<20).map { _ in check([targets[0], targets[1]], for: "mallory") }
        let other = check([targets[2]], for: "mallory")
        #expect(await holds { probe.checks.shares.waiting == 1 })
        // Bob shares what runs; what waits in her queue is checked for him at once.
        let his = [check([targets[0], targets[1]], for: "bob"), check([targets[2]], for: "bob")]
        for task in hers + his + [other] {
            for answer in await task.value {
                guard case .unknown = answer else {
                    Issue.record("\(answer)")
                    continue
                }
            }
        }
        // Her turn for the third may come when Bob's check of it has ended.
        #expect(mutes.prefix(2).allSatisfy { $0.taken == 1 } && mutes[2].taken <= 2)
        #expect(probe.checks.shares.taken == 0)
    }

    /// Sixteen connections without a login lock an agent out of OpenSSH 9.8 and later.
    @Test @IO func `a host is dialled once in a while, however often it is asked for`() async throws
    {
        let server = try Mute("SSH-2.0-x\r\n")
        let locked = try Mute("Not allowed at this time\r\n", closes: true)
        defer { for one in [server, locked] { one.close() } }
        let targets = [
            try Self.target("a", port: server.port), try Self.target("b", port: locked.port),
        ]
        let probe = TargetProbe(limit: .seconds(20), recent: RecentAnswers(freshness: .seconds(60)))
        for principal in ["p", "q", "r"] {
            let answers = await Sharer.serving(principal) { await probe.look(at: targets) }
            #expect(answers[0] == .reachable)
            guard case .unknown(let reason) = answers[1] else {
                Issue.record("\(answers[1])")
                continue
            }
            #expect(reason.contains("PerSourcePenalties"), "\(reason)")
        }
        #expect(server.taken == 1 && locked.taken == 1)
        // An open link is proof enough.
        let open = TargetProbe(limit: .seconds(20), isOpen: { _ in true })
        #expect(await open.look(at: targets) == [.reachable, .reachable])
        #expect(server.taken == 1 && locked.taken == 1)
        // Later it is dialled again.
        let eager = TargetProbe(limit: .seconds(20), recent: RecentAnswers(freshness: .zero))
        for _ in 0..<2 { _ = await eager.look(at: [targets[0]]) }
        #expect(server.taken == 3)
        let error = await refusal(of: locked.port)
        guard case .notAllowedNow? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.isTransient == false)
    }

    /// The same by a real sshd: many checks of a host cost it nothing, and what it says when others
    /// have been too many is reported as that.
    @Test(.needs(.unpacked("sshd"))) @IO func `an sshd with penalties is not provoked`()
        async throws
    {
        let server = try await SSHServer.start(
            SSHServer.Options(
                shell: .dash, settings: ["PerSourcePenalties": "noauth:1s min:8s"],
                release: .debian13))
        let desk = try await Desk([("box", server, "")])
        func probe() async throws -> JSON? {
            try await desk.call(.listTargets, ["probe": true, "query": "box"]).get()["targets"]?
                .arrayValue?.first
        }
        func run() async -> Fault? {
            await desk.fault(.execute, ["target": "site/box", "command": "true"])
        }
        for _ in 0..<20 { #expect(try await probe()?["reachable"] == true) }
        #expect(await run() == nil)
        desk.service.links.shutDown()
        // Ten that come and go without a login.
        for _ in 0..<10 {
            let stranger = try Ports.connect(to: server.port)
            var letter: UInt8 = 0
            _ = read(stranger, &letter, 1)
            close(stranger)
        }
        #expect(await holds { server.log.contains("penalty") })
        let other = try await Desk([("box", server, "")])
        var fault: Fault?
        #expect(
            await holds {
                fault = await other.fault(.execute, ["target": "site/box", "command": "true"])
                return fault != nil
            })
        #expect(fault?.message.contains("PerSourcePenalties") == true, "\(fault as Any)")
        let seen = try await other.call(.listTargets, ["probe": true, "query": "box"]).get()
        let reason = seen["targets"]?.arrayValue?.first?["reason"]?.stringValue
        #expect(reason?.contains("PerSourcePenalties") == true, "\(seen)")
        await desk.service.shutDown()
        await other.service.shutDown()
    }

    @IO private func refusal(of port: UInt16) async -> SSHError? {
        do throws(SSHError) {
            let link = try await Link.connect(
                LinkConfiguration(
                    host: "127.0.0.1", port: port, user: "u", knownHosts: [], authentication: []))
            link.close()
            return nil
        } catch {
            return error
        }
    }

    @Test @IO func `the list tells it of each target`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let folder = server.directory
        let closed = try Ports.free()
        let config = try folder.write(
            try server.configuration(alias: "up")
                + "Host down\n HostName 127.0.0.1\n Port \(closed)\nHost secret\n HostName 10.1.1.1\n",
            to: "config")
        var settings = AgentSettings()
        settings.targets.sshConfig = config
        settings.policy.deniedTargets = ["secret"]
        let identity = Identity(
            key: try .generate(), addresses: [""], pin: nil, agentID: "id", name: "site")
        let service = Agent(identity: identity, settings: settings)
        func list(_ arguments: String) async throws -> [JSON] {
            let call =
                #"{"jsonrpc":"2.0","id":1,"method":"target.list","params":{"principal":"p","reach":["*"],"#
                + #""arguments":"# + arguments + "}}"
            guard
                case .result(let raw) = Reply(
                    decoding: await service.dispatcher.answer(Array(call.utf8)))
            else { return [] }
            return try raw.parsed()["targets"]?.arrayValue ?? []
        }
        let plain = try await list("{}")
        #expect(plain.allSatisfy { $0["reachable"] == nil && $0["reason"] == nil })
        var probed: [JSON] = []
        // A busy machine may need more than a probe's 2 s.
        _ = try await holds {
            probed = try await list(#"{"probe":true}"#)
            return probed.contains { $0["target"] == "site/up" && $0["reachable"] == true }
        }
        let told = Dictionary(
            uniqueKeysWithValues: probed.map { ($0["target"]?.stringValue ?? "", $0) })
        #expect(told["site/local"]?["reachable"] == true)
        #expect(told["site/up"]?["reachable"] == true)
        #expect(told["site/down"]?["reachable"] == false)
        #expect(told["site/down"]?["reason"]?.stringValue?.contains("refused") == true)
        #expect(told["site/secret"] == nil)
        #expect(plain.count == probed.count)
        await service.shutDown()
    }
}
