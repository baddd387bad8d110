// Calling agents: offline, cut, silent, unknown, wrong; each gets its own answer, in time.
import Crypto
import JSON
import Loop
import Net
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct FleetTests {
    @IO private func fault(
        _ house: House, _ name: String = "site", deadline: Duration = .seconds(20)
    ) async -> Fault? {
        do throws(Fault) {
            _ = try await house.fleet.call(
                try Router(fleet: house.fleet).member(named: name, .local), .describe,
                caller: Caller(id: "p", reach: Caller.everywhere),
                arguments: RawJSON([:]), deadline: deadline)
            return nil
        } catch {
            return error
        }
    }

    /// A house with one agent that is connected.
    @IO private func occupied(
        _ serve: @escaping @IO @Sendable (Request) async -> [UInt8]
    ) async throws -> (House, Agent) {
        let house = try await House()
        let agent = try await house.connect(try await house.joined("site"))
        agent.serve = serve
        _ = await agent.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        return (house, agent)
    }

    @Test @IO func `an agent that is offline is named, with since when`() async throws {
        let house = try await House()
        let joined = try await house.joined("site")
        let never = await fault(house)
        #expect(never?.code == .agentOffline)
        #expect(never?.message.contains("is offline.") == true)
        let agent = try await house.connect(joined)
        _ = await agent.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        house.fixture.advance(500)
        agent.close()
        #expect(await until { house.fleet.all[0].connection == nil })
        house.fixture.advance(500)
        let start = IO.now
        let gone = await fault(house)
        #expect(IO.now - start < .seconds(15))  // a call waits for 20
        #expect(gone?.code == .agentOffline)
        #expect(
            gone?.message.contains("since 1970-01-01T00:25:00Z") == true, "\(gone?.message ?? "")")
        try await house.fleet.saveSeen()
        #expect(try await house.store.agent(id: joined.record.id)?.lastSeen ?? 0 >= 1500)
        house.close()
    }

    @Test @IO func `a call that waits for an agent ends when the agent is revoked`() async throws {
        let house = try await House()
        let joined = try await house.joined("site")
        let agent = try await house.connect(joined)
        _ = await agent.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        agent.close()
        #expect(await until { house.fleet.all[0].connection == nil })
        let start = IO.now
        let waiting = IO.task { await self.fault(house) }
        try await IO.sleep(for: .milliseconds(50))
        house.fleet.revoke(joined.record.id)
        #expect(await waiting.value?.code == .agentOffline)
        #expect(IO.now - start < .seconds(8))  // it would wait for 10
        house.close()
    }

    @Test @IO func `a tunnel that is cut in the middle of a call says so`() async throws {
        let begun = Once<Void>()
        let (house, agent) = try await occupied { _ in
            begun.set(())
            return await Once<[UInt8]>().wait()
        }
        let waiting = IO.task { await self.fault(house, deadline: .seconds(2)) }
        await begun.wait()
        agent.close()
        let fault = await waiting.value
        #expect(fault?.code == .agentOffline)
        #expect(fault?.message.contains("broke during the call") == true)
        #expect(fault?.message.contains("\"site\"") == true)
        house.close()
    }

    @Test @IO func `an agent that does not answer is given up in time, and told`() async throws {
        let cancelled = Once<Void>()
        let (house, _) = try await occupied { _ in
            do { try await IO.sleep(for: .seconds(60)) } catch { cancelled.set(()) }
            return []
        }
        let start = IO.now
        let fault = await fault(house, deadline: .milliseconds(200))
        #expect(fault?.code == .timedOut)
        #expect(IO.now - start < .seconds(20))
        await cancelled.wait()
        house.close()
    }

    @Test @IO func `a client that goes away cancels the wait at the agent`() async throws {
        let begun = Once<Void>()
        let cancelled = Once<Void>()
        let (house, _) = try await occupied { _ in
            begun.set(())
            do { try await IO.sleep(for: .seconds(60)) } catch { cancelled.set(()) }
            return []
        }
        let waiting = IO.task { await self.fault(house) }
        await begun.wait()
        waiting.cancel()
        await cancelled.wait()
        _ = await waiting.value
        house.close()
    }

    @Test @IO func `an agent's faults pass, and what is no reply is a fault of its call`()
        async throws
    {
        let (house, agent) = try await occupied { _ in
            Reply.fault(Fault(.sessionEnded, "It is over.")).encoded()
        }
        #expect(await fault(house) == Fault(.sessionEnded, "It is over."))
        for garbage in ["", "[]", "{", #"{"result":[1]}"#, #"{"result":7}"#, "{}"] {
            agent.serve = { _ in Array(garbage.utf8) }
            #expect(await fault(house)?.code == .internal, "\(garbage)")
        }
        agent.serve = { _ in [UInt8](repeating: 0x20, count: 9 << 20) }
        #expect(await fault(house)?.code == .unavailable)
        agent.serve = { _ in Reply.result(RawJSON([:])).encoded() }
        #expect(await fault(house) == nil)
        house.close()
    }

    @Test @IO func `an agent that drains takes no new calls and finishes the old`() async throws {
        let begun = Once<Void>()
        let release = Once<Void>()
        let (house, agent) = try await occupied { _ in
            begun.set(())
            await release.wait()
            return Reply.result(RawJSON([:])).encoded()
        }
        let old = IO.task { await self.fault(house) }
        await begun.wait()
        let connection = try #require(house.fleet.all[0].connection)
        let told = Once<Void>()
        (connection.line as? Tunnel)?.onDrain = { told.set(()) }
        agent.tunnel.drain()
        await told.wait()
        #expect(await fault(house, deadline: .seconds(1))?.code == .agentOffline)
        release.set(())
        #expect(await old.value == nil)
        #expect(await until { house.fleet.all[0].connection == nil })
        house.close()
    }

    @Test @IO func `an agent that is gone from the store is cut at the next reading`() async throws
    {
        let (house, agent) = try await occupied { _ in [] }
        _ = try await house.store.revokeAgent("site")
        try await house.fleet.reload()
        _ = await agent.ended.wait()
        #expect(house.fleet.all.isEmpty)
        #expect(await fault(house)?.code == .unknownAgent)
        house.close()
    }

    @Test @IO func `handles name their agent`() async throws {
        let house = try await House()
        let joined = try await house.joined("site")
        let id = joined.record.id
        #expect(house.fleet.agent(ofHandle: "\(id).abc")?.record.name == "site")
        for handle in ["", "abc", ".abc", "\(id)x.abc", "site.abc"] {
            #expect(house.fleet.agent(ofHandle: handle) == nil)
        }
        house.close()
    }
}
