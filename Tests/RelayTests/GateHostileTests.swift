// Peers that are silent, slow, or no agents at all: cut at the deadline, to nobody's harm.
import Crypto
import JSON
import Loop
import Net
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct GateHostileTests {
    /// Tells when a stream has ended.
    @IO private func end(of stream: any ByteStream) -> Once<Void> {
        let ended = Once<Void>()
        stream.onData = { _ in }
        stream.onClose = { _ in ended.set(()) }
        return ended
    }

    @Test @IO func `silent and garbage peers are cut at the deadline while agents come in`()
        async throws
    {
        let house = try await House(deadline: .seconds(6))
        let start = IO.now
        var ends: [Once<Void>] = []
        var kept: [any ByteStream] = []
        for index in 0..<60 {
            let socket = try await SocketStream.connect(to: house.address, deadline: .seconds(5))
            ends.append(end(of: socket))
            kept.append(socket)
            if index % 3 == 1 { socket.write(Array("GET / HTTP/1.1\r\n\r\n".utf8)) }
            if index % 3 == 2 { socket.write([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]) }
        }
        for index in 0..<10 {
            let stream = try await house.dial()
            ends.append(end(of: stream))
            kept.append(stream)
            // SETTINGS, then nothing; or what is not HTTP/2.
            if index % 2 == 0 { stream.write([0, 0, 0, 4, 0, 0, 0, 0, 0]) }
            if index % 5 == 1 { stream.write([UInt8](repeating: 0xff, count: 100_000)) }
        }
        let mute = Agent(try await house.dial())

        let joined = try await house.joined("site")
        let agent = try await house.connect(joined)
        guard case .welcomed = await agent.verdict.wait() else {
            Issue.record("the agent was not welcomed: \(house.log)")
            return
        }
        for ended in ends { await ended.wait() }
        #expect(await mute.verdict.wait() == .cut)
        let took = IO.now - start
        print("71 hostile peers were gone after \(took)")
        #expect(took < .seconds(30))
        #expect(mute.methods == ["agent.hello"])
        #expect(agent.ended.value == nil)
        // The relay admits the agent when it has read the welcome's answer.
        for _ in 0..<2000 where house.fleet.all[0].connection == nil {
            try await IO.sleep(for: .milliseconds(1))
        }
        #expect(house.fleet.all[0].connection != nil)
        house.close()
    }

    @Test @IO func `the deadline holds for the hello and the welcome together`() async throws {
        let house = try await House(deadline: .seconds(6))
        let joined = try await house.joined("site")
        let slow = try await house.connect(joined)
        let start = IO.now
        slow.greetRaw = { [unowned slow] challenge in
            try? await IO.sleep(for: .seconds(4))
            guard var hello = try? slow.hello(joined.key, challenge) else { return [] }
            hello.agentID = joined.record.id
            return Reply.result(RawJSON(hello.json)).encoded()
        }
        slow.welcomeDelay = Once()
        _ = await slow.ended.wait()
        #expect(IO.now - start < .milliseconds(9500))  // each of its own: 10 s
        #expect(house.fleet.all[0].connection == nil)
        house.close()
    }

    @Test @IO func `hellos that are none get a cut, and no memory`() async throws {
        let house = try await House()
        let joined = try await house.joined("site")
        let replies: [[UInt8]] = [
            [], Array("null".utf8), Array("{}".utf8), Array(#"{"result":{}}"#.utf8),
            Array(#"{"result":{"public_key":5,"signature":"x"}}"#.utf8),
            Array(#"{"result":{"public_key":"x","signature":"x","epoch":{"boot":-1}}}"#.utf8),
            Array(#"{"result":{"public_key":"x","signature":"x","tags":[1]}}"#.utf8),
            Array(String(repeating: "[", count: 100_000).utf8),
            Reply.fault(Fault(.busy, "no")).encoded(), [UInt8](repeating: 0x20, count: 4 << 20),
        ]
        for reply in replies {
            let agent = Agent(try await house.dial())
            agent.greetRaw = { _ in reply }
            #expect(await agent.verdict.wait() == .cut)
        }
        // One of 4 MiB was given up long before its end.
        #expect(house.log.count == replies.count)
        #expect(house.log.last?.contains("no answer") == true)
        let agent = try await house.connect(joined)
        guard case .welcomed = await agent.verdict.wait() else { return #expect(Bool(false)) }
        // After the welcome results may be large.
        #expect(await until { house.fleet.all[0].connection != nil })
        let large = String(repeating: "x", count: 5 << 20)
        agent.serve = { _ in Reply.result(RawJSON(["x": .string(large)])).encoded() }
        let answer = try await house.fleet.call(
            house.fleet.all[0], .readFile, caller: Caller(id: "p", reach: Caller.everywhere),
            arguments: RawJSON([:]),
            deadline: .seconds(20))
        #expect(answer.result.bytes.count == large.utf8.count + 8)
        house.close()
    }

    @Test @IO func `a peer cannot write into the log what it likes`() async throws {
        let house = try await House()
        let joined = try await house.joined("site")
        let evil =
            "x\n2026 agent root connected\u{1b}[2J\u{202e}" + String(repeating: "y", count: 3000)
        let named = try await house.connect(joined) { $0.agentID = evil }
        _ = await named.ended.wait()
        let wishing = try await house.connect(joined) {
            $0.invitation = Base64.encodeURL(Random.bytes(16))
            $0.name = evil
        }
        _ = await wishing.ended.wait()
        let failing = Agent(try await house.dial())
        failing.greetRaw = { _ in Reply.fault(Fault(.busy, evil)).encoded() }
        _ = await failing.ended.wait()
        let known = try await house.connect(joined) { $0.facts.version = evil }
        _ = await known.verdict.wait()
        #expect(await until { house.log.count == 4 })
        #expect(house.log.count { $0.contains("x?2026 agent root connected") } == 4)
        for line in house.log {
            #expect(line.utf8.count < 600)
            #expect(!line.unicodeScalars.contains { $0.properties.generalCategory == .control })
            #expect(!line.unicodeScalars.contains { $0.properties.generalCategory == .format })
        }
        house.close()
    }

    @Test @IO func `strangers cannot fill the log`() async throws {
        let house = try await House()
        var ends: [Once<Void>] = []
        var kept: [any ByteStream] = []
        for index in 0..<60 {
            let socket = try await SocketStream.connect(to: house.address, deadline: .seconds(5))
            ends.append(end(of: socket))
            kept.append(socket)
            // Every second one leaves without a word, as a port scan does.
            if index % 2 == 0 { socket.write(Array("GET / HTTP/1.1\r\n\r\n".utf8)) }
            if index % 2 == 1 { socket.close() }
        }
        for ended in ends { await ended.wait() }
        #expect(await until { house.log.count == 10 })
        #expect(house.log.allSatisfy { $0.contains("refused: it sent plain HTTP") })
        // All 60 connections are through: another kind has a share of its own.
        let failing = Agent(try await house.dial())
        failing.greetRaw = { _ in Reply.fault(Fault(.busy, "no")).encoded() }
        _ = await failing.ended.wait()
        #expect(await until { house.log.count == 11 })
        house.close()
        #expect(
            house.log.last == "20 more connections refused in the last minute: TLS failed")
        #expect(house.log.count == 12)
    }
}
