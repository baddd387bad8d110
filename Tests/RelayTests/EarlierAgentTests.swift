// An agent of an earlier release: it knows none of the calls that were added since, and says things
// of a later one too; it is served all the same.
import JSON
import Loop
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct EarlierAgentTests {
    @Test @IO func `an agent that knows only the first calls is served`() async throws {
        let house = try await House()
        defer { house.close() }
        let joined = try await house.joined("site")
        let agent = try await house.connect(joined)
        agent.greetRaw = { [unowned agent] challenge in
            guard var hello = try? agent.hello(joined.key, challenge) else { return [] }
            hello.agentID = joined.record.id
            var members = hello.json.objectValue ?? [:]
            // Without what was added since; with what nobody knows.
            (members["facts"], members["journal"]) = (["version": "0.0.9", "later": [1]], nil)
            members["later"] = ["deep": [true]]
            return Reply.result(RawJSON(.object(members))).encoded()
        }
        agent.serve = { request in
            guard request.method == Wire.Method.describe.rawValue else {
                return Reply.fault(Fault(.unknownMethod, "no \(request.method)")).encoded()
            }
            return Reply.result(RawJSON(["agent": "site", "later": 1])).encoded()
        }
        #expect(
            await agent.verdict.wait()
                == .welcomed(
                    Welcome(
                        agentID: joined.record.id, name: "site",
                        handlePrefix: String(joined.record.id.prefix(4)))))
        #expect(await until { house.fleet.all[0].connection != nil })
        let router = Router(fleet: house.fleet)
        router.events.follow(house.fleet.all[0])
        func describe() async throws(Fault) -> JSON? {
            let answer = try await house.fleet.call(
                try router.member(named: "site", .local), .describe,
                caller: Caller(id: "p", reach: Caller.everywhere), key: "k",
                arguments: RawJSON([:]), deadline: .seconds(10))
            return try? answer.result.parsed()["agent"]
        }
        #expect(try await describe() == "site")
        do throws(Fault) {
            try await house.fleet.changeKey(of: joined.record.id)
            Issue.record("it changed its key")
        } catch {
            #expect(error.code == .unknownMethod)
        }
        let start = IO.now
        await house.fleet.sayFarewell(hasSuccessor: true)
        await house.fleet.endWaits()
        #expect(IO.now - start < .seconds(1))
        // It has heard nothing of use, and is still there.
        #expect(try await describe() == "site")
        #expect(
            Set(agent.methods) == [
                "agent.hello", "agent.welcome", "agent.events", "agent.describe", "agent.offer_key",
                "agent.drain",
            ])
        house.fleet.drain()
        #expect(await until { agent.tunnel.isClosed })
    }

    @Test func `a fleet comes back within a time that grows with it`() {
        for (agents, hasSuccessor, first, last) in [
            (0, false, 250, 1000), (1, false, 250, 1001), (10_000, false, 250, 11_000),
            (0, true, 250, 250), (10_000, true, 250, 10_250),
        ] as [(Int, Bool, Int, Int)] {
            let window = Fleet.returns(of: agents, hasSuccessor: hasSuccessor)
            #expect(window == .milliseconds(first) ... .milliseconds(last))
        }
    }
}
