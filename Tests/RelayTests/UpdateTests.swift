// agent_update: who may change what, and that a new name holds at once while calls go on.
import JSON
import Loop
import MCP
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct UpdateTests {
    @IO private func update(
        _ office: Office, _ arguments: JSON.Object, _ pattern: String = "*"
    ) async throws -> ToolResult {
        try await office.call(
            "agent_update", arguments, as: try office.principal(pattern, [.admin]))
    }

    @Test @IO func `a change is stored, shown with who made it, and survives`() async throws {
        let office = try await Office()
        let house = office.house
        let done = try await update(
            office, ["agent": "lab-1", "tags": ["b", "a"], "purpose": "tills"])
        #expect(done.structured?["tags"] == ["a", "b"])
        #expect(done.structured?["changed_by"] == "n (*)")
        let later = Fleet(store: house.store)
        try await later.reload()
        let record = later.agent(named: "lab-1")?.record
        #expect(record?.purpose == "tills" && record?.changedBy == "n (*)")
        let shown = try await office.call("agent_describe", ["agent": "lab-1"], as: .local)
        #expect(shown.structured?["changed"] != nil && shown.structured?["purpose"] == "tills")
        for (arguments, word) in [
            (["agent": "lab-1"], "nothing to change"),
            (["agent": "lab-1", "name": "vault"], "taken"),
            (["agent": "lab-1", "name": "A B"], "not a name"),
            (["agent": "none", "name": "x"], "no agent"),
            (["agent": "lab-1", "purpose": "a\nb"], "one line"),
        ] as [(JSON.Object, String)] {
            let failure = try await office.failure("agent_update", arguments, as: .local)
            #expect(failure?.contains(word) == true, "\(arguments): \(failure ?? "-")")
        }
    }

    @Test @IO func `a limited token keeps agents within its limits`() async throws {
        let office = try await Office()
        for arguments in [
            ["agent": "lab-1", "name": "vault-2"], ["agent": "vault", "purpose": "x"],
            // Neither may bring the agent under a pattern of another token.
            ["agent": "lab-1", "name": "lab-9"], ["agent": "lab-1", "tags": ["prod"]],
        ] as [JSON.Object] {
            #expect(try await update(office, arguments, "lab-*").isError, "\(arguments)")
        }
        #expect(try await update(office, ["agent": "lab-1", "tags": []], "tag:lab").isError)
        #expect(
            try await !update(office, ["agent": "lab-1", "purpose": "tests"], "lab-*").isError)
    }

    @Test @IO func `a renamed agent hears its name, and answers under both until then`()
        async throws
    {
        let office = try await Office()
        let house = office.house
        let agent = try #require(office.agents["lab-1"])
        let (asked, gate) = (Once<Void>(), Once<Void>())
        agent.serve = { request in
            // As an agent that has not heard its name yet.
            asked.set(())
            await gate.wait()
            let target = TargetInfo(target: "lab-1/db", source: "ssh_config").json
            return Reply.result(RawJSON(["targets": [target]])).encoded()
        }
        let listing = IO.task { () async -> ToolResult? in
            try? await office.call("target_list", ["agent": "lab-1"], as: .local)
        }
        await asked.wait()
        _ = try await update(office, ["agent": "lab-1", "name": "shop"])
        #expect(house.fleet.agent(named: "lab-1") == nil)
        #expect(await until { agent.methods.count { $0 == "agent.welcome" } == 2 })
        gate.set(())
        #expect(await listing.value?.isError == false)
        #expect(house.fleet.agent(named: "shop")?.connection != nil)
        // Another agent has the former name now: it is that agent's alone.
        _ = try await update(office, ["agent": "vault", "name": "lab-1"])
        #expect(
            try await office.call("target_list", ["agent": "shop"], as: .local).structured?[
                "targets"] == [])
    }

    @Test @IO func `an agent that does not know the call is asked to come again`() async throws {
        let office = try await Office()
        let agent = try #require(office.agents["vault"])
        agent.welcomeFault = Fault(.unknownMethod, "what?")
        _ = try await update(office, ["agent": "vault", "name": "safe"])
        _ = await agent.ended.wait()
        #expect(office.house.fleet.agent(named: "safe") != nil)
    }

    @Test @IO func `an agent that fails to take its name keeps its tunnel`() async throws {
        let office = try await Office()
        let agent = try #require(office.agents["vault"])
        agent.welcomeFault = Fault(.internal, "no")
        _ = try await update(office, ["agent": "vault", "name": "safe"])
        #expect(await until { agent.methods.count { $0 == "agent.welcome" } == 2 })
        let member = try #require(office.house.fleet.agent(named: "safe"))
        await office.house.fleet.tellName(of: member.record.id)
        // A tunnel that drains takes no call.
        _ = await IO.within(.seconds(5)) {
            try? await office.call("target_list", ["agent": "safe"], as: .local)
        }
        #expect(agent.methods.last == "target.list" && agent.ended.value == nil)
    }
}
