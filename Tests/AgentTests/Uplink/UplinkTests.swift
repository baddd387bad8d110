// The agent's way to its relay: it proves itself, comes back by itself, gives up only when told.
import Configuration
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent

@Suite struct BackoffTests {
    @Test func `waits double to a minute and are never under a quarter second`() {
        var longest = Backoff()
        var shortest = Backoff()
        for failures in 0..<40 {
            let cap = failures < 7 ? 0.5 * Double(1 << failures) : 60
            let most = longest.next { $0.upperBound }
            #expect(most == .milliseconds(Int64(cap * 1000)))
            #expect(shortest.next { $0.lowerBound } == .milliseconds(250))
        }
        #expect(longest.failures == 40)
    }

    @Test func `waits are spread over all of their range`() {
        var waits: [Duration] = []
        for _ in 0..<500 {
            var backoff = Backoff()
            for _ in 0..<8 { _ = backoff.next() }
            waits.append(backoff.next())
        }
        #expect(waits.allSatisfy { $0 >= .milliseconds(250) && $0 <= .seconds(60) })
        #expect(waits.contains { $0 < .seconds(15) } && waits.contains { $0 > .seconds(45) })
    }

    @Test func `a relay's advice holds for one wait`() {
        var backoff = Backoff()
        for _ in 0..<9 { _ = backoff.next() }
        backoff.advised = .seconds(2)
        backoff.notBefore = IO.now + .seconds(500)
        #expect(backoff.next(at: IO.now) == .seconds(2))
        #expect(backoff.next(at: IO.now) > .seconds(400))
        backoff.advised = .zero
        #expect(backoff.next(at: IO.now) == .milliseconds(250))
    }

    @Test func `a refusal that only a person can end is followed by minutes, not by seconds`() {
        var waits: [Duration] = []
        for _ in 0..<200 {
            var backoff = Backoff()
            backoff.refused(.seldom, retryAfter: nil, at: IO.now)
            waits.append(backoff.next(at: IO.now))
            #expect(backoff.next(at: IO.now) <= .seconds(1))  // it holds for one wait
            backoff.refused(.seldom, retryAfter: .seconds(900), at: IO.now)
            #expect(backoff.next(at: IO.now) > .seconds(800))
            backoff.refused(.soon, retryAfter: nil, at: IO.now)
            #expect(backoff.next(at: IO.now) <= .seconds(4))
        }
        #expect(waits.allSatisfy { $0 >= .seconds(120) && $0 <= .seconds(300) })
        #expect(waits.contains { $0 < .seconds(170) } && waits.contains { $0 > .seconds(250) })
    }

    @Test func `only failures to get service make them grow`() {
        var backoff = Backoff()
        for _ in 0..<9 { _ = backoff.next() }
        // The relay answers, but drops the agent at once.
        backoff.served(.milliseconds(4999))
        #expect(backoff.next { $0.upperBound } == .seconds(4))
        // A link that drops every 15 s is down for half a second each time.
        for _ in 0..<50 {
            backoff.served(.seconds(15))
            #expect(backoff.next { $0.upperBound } == .milliseconds(500))
        }
    }
}

@Suite struct BootNumberTests {
    @Test @IO func `every start has a greater number, whatever the clock says`() throws {
        let folder = try TemporaryDirectory("boot")
        var log: [String] = []
        func next(_ now: Int64) -> Int64 {
            BootNumber.next(in: folder.path, now: now) { log.append($0) }
        }
        #expect([1000, 2000, 500, 2001, 9000].map(next) == [1000, 2000, 2001, 2002, 9000])
        for damage in ["", "x", "-7\n", "9007199254740992\n", String(repeating: "1", count: 99)] {
            try folder.write(damage, to: "boot")
            #expect(next(7000) == 7000, "\(damage)")
        }
        #expect(log.isEmpty)
        #expect(BootNumber.next(in: folder.path + "/none", now: 5) { log.append($0) } == 5)
        #expect(log.count == 1 && log[0].contains("/none/boot"))
    }
}

@Suite struct UplinkTests {
    @Test @IO func `the hello proves the key on this connection and counts them`() async throws {
        let relay = try TestRelay()
        let agent = try TestAgent()
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in ["ok": true] }
        try agent.run(relay)
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        let first = try #require(relay.peers.first?.hello)
        #expect(
            first.agentID == "id" && first.invitation == nil && first.version == Contract.version)
        #expect(
            first.publicKey
                == Base64.encodeURL(try Identity.key(in: agent.folder.path).publicKey.bytes))
        #expect(first.facts.system == "linux" && !first.facts.hostname.isEmpty)
        guard case .result(let result)? = await relay.peers[0].ask(.describe, [:]) else {
            Issue.record("not served")
            return
        }
        #expect(result == RawJSON(["ok": true]))
        relay.peers[0].tunnel.close()
        #expect(await holds { relay.peers.count == 2 && relay.peers[1].hello != nil })
        let second = try #require(relay.peers[1].hello)
        #expect(first.epoch < second.epoch && first.epoch.boot == second.epoch.boot)
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }

    @Test @IO func `a relay that was killed and starts again is found again`() async throws {
        let relay = try TestRelay()
        let agent = try TestAgent()
        try agent.run(relay)
        #expect(await holds { agent.log.count == 1 })
        relay.kill()
        #expect(await holds { agent.log.contains { $0.contains("refused the connection") } })
        try relay.listen()
        #expect(
            await holds(within: .seconds(20)) { agent.log.last?.hasPrefix("connected") == true })
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }

    @Test(arguments: ["invitation", "revoked"])
    @IO func `a final refusal ends the run with its exit code`(reason: String) async throws {
        let relay = try TestRelay()
        relay.meet = { peer in
            _ = try? await peer.greet()
            _ = await peer.ask(.refuse, ["reason": .string(reason), "message": "because"])
            peer.tunnel.close()
        }
        let agent = try TestAgent()
        try agent.run(relay)
        let end = await agent.end() ?? nil
        #expect(end?.isFinal == true && end?.exitCode == ExitCode.noPermission)
        #expect(end?.description == "the relay refused: because")
        relay.kill()
    }

    /// Every refusal: the exit code of `join` and `run`, and words of what to do about it.
    @Test func `each refusal has its exit code, and its advice where a person must act`() {
        let table: [(Refusal.Reason, Int32, [String])] = [
            (.invitation, ExitCode.noPermission, []), (.revoked, ExitCode.noPermission, []),
            (
                .unknown, ExitCode.unavailable,
                ["homeline-relay invite --rejoin NAME", "homeline-agent join", "backup"]
            ),
            (.signature, ExitCode.unavailable, ["proxy", "unopened"]),
            (.superseded, ExitCode.unavailable, []), (.duplicate, ExitCode.unavailable, []),
            (.version, ExitCode.unavailable, []), (.unavailable, ExitCode.unavailable, []),
        ]
        #expect(table.map(\.0) == Refusal.Reason.allCases)
        for (reason, exit, words) in table {
            let error = UplinkError.refused(Refusal(reason, "because"))
            #expect(error.exitCode == exit, "\(reason)")
            #expect(error.isFinal == (exit == ExitCode.noPermission), "\(reason)")
            for word in words { #expect(error.description.contains(word), "\(error)") }
            #expect(error.description.hasPrefix("the relay refused: because"))
            #expect((error.description == "the relay refused: because") == words.isEmpty)
        }
    }

    @Test(arguments: ["unknown", "signature"])
    @IO func `an agent that its relay does not know stays, and says what to do`(
        reason: String
    ) async throws {
        let relay = try TestRelay()
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return }
            _ = await peer.ask(.refuse, ["reason": .string(reason), "message": "because"])
            peer.tunnel.close()
        }
        let agent = try TestAgent()
        try agent.run(relay)
        #expect(await holds { agent.log.count == 1 })
        #expect(agent.log[0].hasPrefix("not connected: the relay refused: because"))
        #expect(agent.log[0].contains(reason == "unknown" ? "--rejoin NAME" : "unopened"))
        #expect(await agent.end(.milliseconds(600)) == .none)
        #expect(relay.dials == 1)
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }

    @Test(arguments: ["superseded", "version", "unavailable", "of a later day"])
    @IO func `other refusals are dialled again`(reason: String) async throws {
        let relay = try TestRelay()
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return }
            guard relay.peers.count < 2 else {
                _ = await peer.ask(.welcome, Welcome(agentID: "id", name: "site").json)
                return
            }
            _ = await peer.ask(.refuse, ["reason": .string(reason), "message": "because"])
            peer.tunnel.close()
        }
        let agent = try TestAgent()
        try agent.run(relay)
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        #expect(agent.log.first == "not connected: the relay refused: because")
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test @IO func `a relay that asks for time gets it`() async throws {
        let relay = try TestRelay()
        var refused: ContinuousClock.Instant?
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil, refused == nil else { return }
            refused = IO.now
            let refusal = Refusal(.unavailable, "full", retryAfter: .seconds(2))
            _ = await peer.ask(.refuse, refusal.json)
            peer.tunnel.close()
        }
        let agent = try TestAgent()
        try agent.run(relay)
        #expect(await holds { relay.peers.count == 2 })
        #expect(IO.now - (refused ?? IO.now) >= .seconds(2))
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test @IO func `a relay with another key hears nothing`() async throws {
        let relay = try TestRelay()
        let other = try SelfSignedCertificate.generate(commonName: "relay")
        let agent = try TestAgent()
        try agent.run(relay, pin: try PublicKeyPin(certificatePEM: other.certificatePEM))
        #expect(await holds { agent.log.first?.contains("is not the pinned") == true })
        #expect(relay.peers.allSatisfy { $0.hello == nil })
        await agent.uplink?.stop()
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }

    @Test @IO func `an address that cannot be dialled is final`() async throws {
        let relay = try TestRelay()
        for url in [
            "ws://relay", "wss://a b", "wss://relay:0", "tls://relay", "relay:1", "tls://[::1:5",
        ] {
            let agent = try TestAgent()
            try agent.run(url: url, pin: relay.pin)
            #expect(await agent.end() == .some(.badAddress(url)))
        }
        relay.kill()
    }

    @Test @IO func `nothing is served before the welcome, and no bad challenge is signed`()
        async throws
    {
        let relay = try TestRelay()
        let done = Once<Void>()
        relay.meet = { peer in
            let early = await peer.ask(.describe, [:])
            if case .fault(let fault)? = early {
                #expect(fault.code == .unavailable)
            } else {
                Issue.record("served: \(early as Any)")
            }
            for nonce in ["", "short", String(repeating: "A", count: 44), "?"] {
                guard
                    case .fault(let fault)? = await peer.ask(
                        .hello, ["version": 1, "nonce": .string(nonce)])
                else {
                    Issue.record("signed \(nonce)")
                    continue
                }
                #expect(fault.code == .invalidArgument)
            }
            for bytes in ["", "[]", #"{"method":"agent.welcome"}"#] {
                let reply = try? await peer.tunnel.call(Array(bytes.utf8))
                if case .fault(let fault) = Reply(decoding: reply ?? []) {
                    #expect(fault.code == .invalidArgument)
                } else {
                    Issue.record("no fault: \(bytes)")
                }
            }
            done.set(())
        }
        let agent = try TestAgent()
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in ["ok": true] }
        try agent.run(relay)
        await done.wait()
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test @IO func `a silent relay is given up at the deadline`() async throws {
        let relay = try TestRelay()
        relay.meet = { _ in }
        let key = try Ed25519PrivateKey.generate()
        let start = IO.now
        await #expect(throws: UplinkError.timedOut) {
            _ = try await RelayConnection.open(
                relay: relay.url, pin: relay.pin, key: key, answer: { _, _ in [] },
                deadline: .seconds(2)
            ) { _ in }
        }
        #expect(IO.now - start < .seconds(12))  // the default is 15
        #expect(await holds { relay.peers.first != nil })
        let tunnel = try #require(relay.peers.first?.tunnel)
        #expect(await holds(within: .seconds(10)) { tunnel.isClosed })
        relay.kill()
    }

    @Test @IO func `a relay that keeps a refused connection open does not pile them up`()
        async throws
    {
        let relay = try TestRelay()
        relay.meet = { peer in
            // A stream that never ends holds the drained tunnel open.
            _ = try? peer.tunnel.open(StreamHead("anything"))
            _ = await peer.ask(.refuse, ["reason": "unavailable"])
        }
        let key = try Ed25519PrivateKey.generate()
        await #expect(throws: UplinkError.self) {
            _ = try await RelayConnection.open(
                relay: relay.url, pin: relay.pin, key: key, answer: { _, _ in [] }
            ) { _ in }
        }
        let tunnel = try #require(relay.peers.first?.tunnel)
        #expect(await holds(within: .seconds(10)) { tunnel.isClosed })
        relay.kill()
    }

    @Test @IO func `stopping does not wait for a dial, a hello or a pause`() async throws {
        // A listener that takes connections and says nothing: the dial hangs in the handshake.
        var kept: [SocketStream] = []
        let silent = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
            kept.append($0)
        }
        let relay = try TestRelay()
        relay.meet = { _ in }
        let address = try #require(silent.address)
        for url in ["tls://\(address)", relay.url, "tls://127.0.0.1:1"] {
            let agent = try TestAgent()
            try agent.run(url: url, pin: relay.pin)
            try await IO.sleep(for: .milliseconds(150))  // it is in the middle of it
            await agent.uplink?.stop()
            #expect(await agent.end(.seconds(10)) == .some(nil), "\(url)")
        }
        silent.close()
        relay.kill()
    }

    @Test @IO func `stopping lets a call in flight end`() async throws {
        let relay = try TestRelay()
        let agent = try TestAgent()
        let (begun, stopping) = (Once<Void>(), Once<Void>())
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in
            begun.set(())
            await stopping.wait()
            return ["ok": true]
        }
        try agent.run(relay)
        #expect(await holds { agent.log.count == 1 })
        let peer = relay.peers[0]
        let call = IO.task { await peer.ask(.describe, [:]) }
        await begun.wait()
        let stop = IO.task { await agent.uplink?.stop() }
        IO.task { stopping.set(()) }  // in its turn, after the stop has begun
        await stop.value
        if case .result? = await call.value {} else { Issue.record("the call was cut") }
        #expect(await agent.end() == .some(nil))
        relay.kill()
    }

    @Test @IO func `a new name is kept, and a folder that cannot be written ends nothing`()
        async throws
    {
        let relay = try TestRelay()
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return }
            let name = relay.dials == 1 ? "renamed" : "again"
            _ = await peer.ask(.welcome, Welcome(agentID: "id", name: name).json)
        }
        let agent = try TestAgent()
        try agent.run(relay)
        #expect(await holds { agent.membership.name == "renamed" })
        #expect(await holds { (try? Identity.load(from: agent.folder.path).name) == "renamed" })
        try FileManager.default.removeItem(atPath: agent.folder.path)
        relay.peers[0].tunnel.close()
        #expect(await holds { agent.membership.name == "again" })
        #expect(await holds { agent.log.last?.contains("connected") == true })
        #expect(await agent.end(.milliseconds(100)) == .none)
        await agent.uplink?.stop()
        relay.kill()
    }

    @Test @IO func `joining keeps what the relay said, and nothing when it refuses`() async throws {
        let relay = try TestRelay()
        let folder = try TemporaryDirectory("join")
        let invitation = try Invitation(
            urls: [relay.url], pin: relay.pin.bytes, secret: Array(0..<16))
        relay.meet = { peer in
            _ = try? await peer.greet()
            _ = await peer.ask(.refuse, Refusal(.invitation, "it has been used").json)
            peer.tunnel.close()
        }
        await #expect(throws: UplinkError.refused(Refusal(.invitation, "it has been used"))) {
            _ = try await Uplink.join(invitation, name: nil, tags: [], folder: folder.path)
        }
        #expect(throws: UplinkError.self) { _ = try Identity.load(from: folder.path) }
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return }
            _ = await peer.ask(.welcome, Welcome(agentID: "abc", name: "site-2").json)
        }
        let identity = try await Uplink.join(
            invitation, name: "site", tags: ["lab"], folder: folder.path)
        let hello = try #require(relay.peers.last?.hello)
        #expect(hello.invitation == Base64.encodeURL(Array(0..<16)) && hello.agentID == nil)
        #expect(hello.name == "site" && hello.tags == ["lab"])
        #expect(relay.peers[0].hello?.publicKey == hello.publicKey)
        #expect(identity.agentID == "abc" && identity.name == "site-2")
        let loaded = try Identity.load(from: folder.path)
        #expect(
            loaded.agentID == "abc" && loaded.addresses == [relay.url] && loaded.pin == relay.pin)
        #expect(loaded.key.publicKey == identity.key.publicKey)
        relay.kill()
    }
}
