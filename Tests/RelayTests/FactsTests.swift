// What agents say of their machines: kept, bounded, and used by agent_list while they are away.
import JSON
import Loop
import MCP
import Testing
import Wire

@testable import homeline_relay

@Suite struct FactsTests {
    @IO private func names(
        _ office: Office, _ arguments: JSON.Object
    ) async throws -> [String] {
        let result = try await office.call("agent_list", arguments, as: .local)
        return result.structured?["agents"]?.arrayValue?.compactMap { $0["agent"]?.stringValue }
            ?? []
    }

    @Test @IO func `agent_list filters by facts, also agents that are away`() async throws {
        let office = try await Office()
        let house = office.house
        let joined = try await house.joined("nas")
        let hello: @IO (inout Hello) -> Void = { hello in
            hello.facts.hostname = "store.example"
            hello.facts.release = "Debian GNU/Linux 12 (bookworm)"
            hello.facts.architecture = "arm64"
            hello.facts.capabilities = ["zfs", "docker"]
        }
        for connection in 1...3 {
            let agent = try await house.connect(
                joined, epoch: .init(boot: 1, connection: Int64(connection)), change: hello)
            _ = await agent.verdict.wait()
            #expect(
                await until { house.fleet.agent(named: "nas")?.comings == connection })
        }
        for isOnline in [true, false] {
            if !isOnline {
                house.fleet.agent(named: "nas")?.connection?.line.close()
                #expect(await until { house.fleet.agent(named: "nas")?.connection == nil })
            }
            for (arguments, finds) in [
                (["capability": "zfs"], true), (["capability": "ZFS"], true),
                (["capability": "zf"], false), (["query": "bookworm"], true),
                (["query": "STORE.ex"], true), (["query": "arm64"], true),
                (["query": "dock"], true), (["query": "x86"], false),
                (["capability": "zfs", "online": .bool(isOnline)], true),
                (["capability": "zfs", "online": .bool(!isOnline)], false),
            ] as [(JSON.Object, Bool)] {
                #expect(
                    try await names(office, arguments) == (finds ? ["nas"] : []),
                    "\(arguments) \(isOnline)")
            }
        }
        let result = try await office.call("agent_list", ["query": "nas"], as: .local)
        let entry = result.structured?["agents"]?[0]
        #expect(entry?["reconnects"] == 2 && entry?["hostname"] == "store.example")
        #expect(entry?["last_seen"] != nil && entry?["since"] == nil)
        let described = try await office.call("agent_describe", ["agent": "nas"], as: .local)
        #expect(described.structured?["facts"]?["capabilities"] == ["docker", "zfs"])
        // They outlive the relay.
        try await house.fleet.saveSeen()
        let later = Fleet(store: house.store)
        try await later.reload()
        #expect(later.agent(named: "nas")?.record.facts?.capabilities == ["docker", "zfs"])
    }

    @Test @IO func `a description brings the facts up to date`() async throws {
        let office = try await Office()
        let house = office.house
        office.agents["lab-1"]?.serve = { _ in
            var facts = AgentFacts()
            facts.capabilities = (0..<200).map { "t\($0)" }
            return Wire.Reply.result(RawJSON(AgentDescription(facts: facts).json)).encoded()
        }
        _ = try await office.call("agent_describe", ["agent": "lab-1"], as: .local)
        let kept = house.fleet.agent(named: "lab-1")?.record.facts?.capabilities
        #expect(kept?.count == AgentFacts.mostCapabilities)
        #expect(try await names(office, ["capability": "t5"]) == ["lab-1"])
    }
}
