// homeline://stats: who may read it, what it shows of whom.
import JSON
import Loop
import MCP
import Testing
import Wire

@testable import homeline_relay

@Suite struct ResourceTests {
    @IO private func read(
        _ office: Office, _ principal: homeline_relay.Principal, _ uri: String = "homeline://stats"
    ) async throws -> JSON {
        let caller = CallContext(principal: office.router.introduce(principal))
        let reading = try await FleetResources(Directory(office.router)).all.read(
            ResourceCall(uri: uri, context: caller))
        guard case .text(let text)? = reading.contents.first?.body else { return .null }
        return try JSON(parsing: text)
    }

    @Test @IO func `it tells of every agent's tunnel, pool and links`() async throws {
        let office = try await Office()
        let stats = try await read(office, try office.principal("*"))
        let agents = stats["agents"]?.arrayValue ?? []
        #expect(agents.map { $0["agent"]?.stringValue } == ["lab-1", "lab-2", "vault"])
        for agent in agents {
            let tunnel = try #require(agent["tunnel"])
            #expect(tunnel["since"]?.stringValue?.hasSuffix("Z") == true)
            #expect((tunnel["rtt_ms"]?.doubleValue ?? 0) > 0)
            #expect((tunnel["bytes_in"]?.intValue ?? 0) > 0)
            #expect((tunnel["bytes_out"]?.intValue ?? 0) > 0)
            #expect(tunnel["calls"] == 0)
            #expect(agent["pool"]?["links"] == 0)
            #expect(agent["links"]?.arrayValue?.count == 2)
            #expect(agent["links"]?[0]?["uses"] == 3)
            #expect(agent["links"]?[0]?["rtt_ms"] == 1.5)
        }
        #expect(stats["unanswered"] == nil)
        office.house.close()
    }

    @Test @IO func `a token reads of its own agents and targets alone`() async throws {
        let office = try await Office()
        let stats = try await read(office, try office.principal("lab-1/db,lab-2"))
        let agents = stats["agents"]?.arrayValue ?? []
        let shown = agents.map { agent in
            (agent["links"]?.arrayValue ?? []).compactMap { $0["target"]?.stringValue }
        }
        #expect(shown == [["lab-1/db"], ["lab-2/db", "lab-2/web"]])
        #expect(!stats.description.contains("vault"))
        #expect(Set(office.calls.map(\.agent)) == ["lab-1", "lab-2"])
        // Nor does the tool show what the resource hides.
        let described = try await office.call(
            "agent_describe", ["agent": "lab-1"], as: try office.principal("lab-1/db"))
        #expect(described.structured?["links"]?.arrayValue?.count == 1)
        office.house.close()
    }

    @Test @IO func `an agent that does not answer is named, the others are told`() async throws {
        let office = try await Office()
        office.agents["lab-2"]?.serve = { _ in
            Reply.fault(Fault(.refusedByPolicy, "no telling here")).encoded()
        }
        let stats = try await read(office, try office.principal("*"))
        #expect(stats["unanswered"] == ["lab-2: no telling here"])
        #expect(stats["agents"]?[1]?["tunnel"] != nil)
        #expect(stats["agents"]?[1]?["links"] == nil)
        #expect(stats["agents"]?[2]?["links"]?.arrayValue?.count == 2)
        office.house.close()
    }

    @Test @IO func `it takes the scope, and other URIs are not there`() async throws {
        let office = try await Office()
        let resources = FleetResources(Directory(office.router)).all
        let blind = office.router.introduce(try office.principal("*", [.sessionsExec]))
        let reader = office.router.introduce(try office.principal("x", [.fleetRead]))
        #expect(await resources.list(blind).isEmpty)
        #expect(await resources.list(reader).map(\.uri) == ["homeline://stats"])
        func refusal(_ uri: String, _ caller: MCP.Principal) async -> MCPError? {
            let call = ResourceCall(uri: uri, context: CallContext(principal: caller))
            do throws(Interruption) {
                _ = try await resources.read(call)
                return nil
            } catch {
                if case .failed(let reason) = error { return reason }
                return nil
            }
        }
        #expect(await refusal("homeline://stats", blind) == .insufficientScope("fleet:read"))
        for uri in ["homeline://nothing", "homeline://stats/x", "", "file:///etc/passwd"] {
            #expect(await refusal(uri, reader) == .resourceNotFound(uri: uri))
        }
        office.house.close()
    }
}
