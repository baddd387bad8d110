// The bytes on the way to agents: an agent that does not read costs a bounded number of them.
import Crypto
import JSON
import Loop
import MCP
import Net
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite(.serialized, .timeLimit(.minutes(2))) struct FreightTests {
    private static let long = RawJSON(["content": .string(String(repeating: "x", count: 2 << 20))])

    /// A house with one agent whose transport does not read.
    @IO private func deaf() async throws -> (House, Agent) {
        let house = try await House()
        let stream = try await house.dial()
        let joined = try await house.joined("site")
        let agent = house.greeting(joined, over: stream)
        _ = await agent.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        stream.pauseReading()
        return (house, agent)
    }

    @IO private func write(
        _ house: House, _ arguments: RawJSON = Self.long, deadline: Duration
    ) -> Task<Fault?, Never> {
        IO.task {
            do throws(Fault) {
                _ = try await house.fleet.call(
                    try Router(fleet: house.fleet).member(named: "site", .local), .writeFile,
                    caller: Caller(id: "p", reach: Caller.everywhere),
                    arguments: arguments, deadline: deadline)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test @IO func `100 writes of 2 MiB to it are bounded, and given back at their deadline`()
        async throws
    {
        let (house, agent) = try await deaf()
        let calls = (0..<100).map { _ in write(house, deadline: .seconds(4)) }
        // A number wait; what is beyond fails at once, and says what to do.
        let refused = await calls[99].value
        #expect(refused?.code == .busy)
        #expect(refused?.message.contains("does not read") == true)
        #expect(refused?.message.contains("try again") == true)
        let freight = house.fleet.freight
        #expect(freight.requests.used <= freight.limits.agentRequests)
        #expect(freight.requests.used > freight.limits.agentRequests / 2)
        // A short call passes: it fails by its own deadline, not for want of room.
        let short = write(house, RawJSON([:]), deadline: .milliseconds(100))
        #expect(await short.value?.code == .timedOut)
        var codes: [Fault.Code: Int] = [:]
        for call in calls {
            let fault = await call.value
            if let fault { codes[fault.code, default: 0] += 1 }
        }
        #expect(codes[.busy, default: 0] + codes[.timedOut, default: 0] == 100)
        #expect(codes[.timedOut, default: 0] >= 7)
        #expect(await until { freight.requests.used == 0 })
        let tunnel = try #require(house.fleet.all[0].connection?.line as? Tunnel)
        #expect(tunnel.openStreams < 20)
        agent.close()
        house.close()
    }

    @Test @IO func `writes that wait go on when the agent reads again`() async throws {
        let (house, agent) = try await deaf()
        let calls = (0..<20).map { _ in write(house, deadline: .seconds(60)) }
        let freight = house.fleet.freight
        #expect(await until { freight.requests.used > freight.limits.agentRequests / 2 })
        agent.stream.resumeReading()
        for call in calls { #expect(await call.value == nil) }
        #expect(await until { freight.requests.used == 0 && freight.replies.used == 0 })
        house.close()
    }

    /// The text of a client's reply is written beside the loop: what it is made of counts until
    /// then.
    @Test @IO func `a reply counts until the client's is made of it`() async throws {
        let office = try await Office()
        let all = try office.principal("*", [.admin])
        let replies = office.house.fleet.freight.replies
        for agent in office.agents.values {
            agent.serve = { _ in Reply.result(RawJSON(["sessions": []])).encoded() }
        }
        for (tool, arguments) in [
            ("agent_describe", ["agent": "lab-1"]), ("ssh_session_list", [:]),
            ("ssh_session_list", ["agent": "lab-1"]), ("ssh_execute", ["target": "lab-1/web"]),
            ("ssh_execute", ["targets": ["lab-1/web", "vault/web"]]),
            ("file_read", ["target": "lab-1/web", "path": "/x"]),
        ] as [(String, JSON.Object)] {
            do {
                let result = try await office.call(tool, arguments, as: all)
                #expect(!result.isError && replies.used > 0, "\(tool): \(result.text)")
                withExtendedLifetime(result) {}
            }
            #expect(await until { replies.used == 0 }, "\(tool)")
        }
        office.house.close()
    }

    @Test @IO func `an agent whose replies have no room fails its own calls only`() async throws {
        let house = try await House()
        let agent = try await house.connect(try await house.joined("site"))
        _ = await agent.verdict.wait()
        let other = try await house.connect(try await house.joined("other"))
        _ = await other.verdict.wait()
        #expect(await until { house.fleet.all.count { $0.connection != nil } == 2 })
        let large = Reply.result(RawJSON(["x": .string(String(repeating: "x", count: 7 << 20))]))
        let bytes = large.encoded()
        agent.serve = { _ in bytes }
        let fleet = house.fleet
        let freight = fleet.freight
        @IO func read(_ name: String) async -> Result<AgentAnswer, Fault> {
            do throws(Fault) {
                let member = try Router(fleet: fleet).member(named: name, .local)
                return .success(
                    try await fleet.call(
                        member, .readFile, caller: Caller(id: "p", reach: Caller.everywhere),
                        arguments: RawJSON([:]), deadline: .seconds(30)))
            } catch {
                return .failure(error)
            }
        }
        var kept: [AgentAnswer] = []
        for _ in 0..<4 { if let answer = try? await read("site").get() { kept.append(answer) } }
        #expect(kept.count == 4)
        #expect(freight.replies.used > 28 << 20)
        #expect(freight.replies.used <= freight.limits.agentReplies)
        guard case .failure(let fault) = await read("site") else {
            Issue.record("a fifth reply found room")
            return
        }
        #expect(fault.code == .unavailable)
        #expect(fault.message.contains("no room"))
        guard case .success = await read("other") else {
            Issue.record("another agent's reply found no room")
            return
        }
        kept = []
        #expect(await until { freight.replies.used == 0 })
        house.close()
    }
}
