// An agent is believed about itself alone, and its answers cost nobody else anything.
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite(.serialized, .timeLimit(.minutes(1))) struct ClaimsTests {
    @Test @IO func `a description adds what the relay does not know, and no more`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        let agent = try #require(office.agents["lab-1"])
        agent.serve = { _ in
            Reply.result(
                RawJSON([
                    "agent": "vault", "id": "of-another", "tags": ["prod"], "own_tags": ["prod"],
                    "online": false, "purpose": "trust me", "sessions": 3, "surprise": "shown",
                ])
            ).encoded()
        }
        let shown = try await office.call("agent_describe", ["agent": "lab-1"], as: all).structured
        #expect(shown?["agent"] == "lab-1" && shown?["id"]?.stringValue == office.ids["lab-1"])
        #expect(shown?["tags"] == ["lab"] && shown?["online"] == true)
        #expect(shown?["purpose"] != "trust me" && shown?["own_tags"] == nil)
        #expect(shown?["sessions"] == 3 && shown?["surprise"] == nil)
        office.house.close()
    }

    @Test @IO func `an answer with more values than any result has is dropped`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        let evil = try #require(office.agents["lab-1"])
        let zeros = String(repeating: "0,", count: JSONLimits.answer.values) + "0"
        for result in ["{\"links\":[\(zeros)]}", "{\"session_id\":\"x\",\"links\":[\(zeros)]}"] {
            evil.serve = { _ in Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\(result)}".utf8) }
            let failure = try await office.failure("agent_describe", ["agent": "lab-1"], as: all)
            #expect(failure?.contains("too many values") == true, "\(failure ?? "none")")
        }
        let listed = try await office.call("ssh_session_list", [:], as: all)
        #expect(listed.structured?["sessions"]?.arrayValue?.count == 2)
        #expect(listed.structured?["unanswered"]?.arrayValue?.count == 1)
        office.house.close()
    }

    @Test @IO func `who claims again and again gets a few lines of the log`() async throws {
        let lines = Box<[String]>([])
        let log = AgentLog { line in lines.withLock { $0.append(line) } }
        func record(_ name: String) -> AgentRecord {
            AgentRecord(id: name, name: name, publicKey: [], tags: [], purpose: "", created: 0)
        }
        let foreign = RawJSON(["session_id": "vault.1"])
        let list: [JSON] = [["session_id": "vault.1"]]
        for _ in 0..<500 {
            let claims = Claims(agent: record("evil"), log: log)
            await #expect(throws: Fault.self) { try await claims.check(foreign) }
            #expect(claims.own(list).isEmpty)
        }
        try? await Claims(agent: record("other"), log: log).check(foreign)
        #expect(await until { lines.withLock { $0.count } == AgentLog.lines + 1 })
        let last = lines.withLock { $0.last }
        #expect(last?.hasPrefix("agent other answered about another agent") == true)
        log.close()
        #expect(
            lines.withLock { $0.last }
                == "agent evil: 995 more wrong answers in the last minute")
    }

    @Test @IO func `an agent that fails to answer about revoked tokens gets a few lines, too`()
        async throws
    {
        let office = try await Office()
        let lines = Box<[String]>([])
        let log = AgentLog { line in lines.withLock { $0.append(line) } }
        let revocations = Revocations(router: office.router, store: office.house.store, log: log)
        let member = try #require(
            office.house.fleet.all.first { $0.record.name == "lab-1" })
        // The office answers without `ids`.
        for _ in 0..<50 { await revocations.settle(member) }
        await IO.task {}.value
        #expect(lines.withLock { $0.count } == AgentLog.lines)
        log.close()
        #expect(
            lines.withLock { $0.last } == "agent lab-1: 45 more wrong answers in the last minute")
        office.house.close()
    }

    /// Calls that a principal has given up count until the agent has ended them.
    @Test @IO func `no principal takes all streams of an agent`() async throws {
        let office = try await Office()
        let (greedy, other) = (try office.principal("*"), try office.principal("lab-*"))
        let agent = try #require(office.agents["lab-1"])
        let release = Once<Void>()
        let waiting = Box(0)
        agent.serve = { request in
            if request.caller.id == "*" {
                waiting.withLock { $0 += 1 }
                await release.wait()
            }
            return Reply.result(RawJSON(["sessions": 3])).encoded()
        }
        let calls = (0..<OpenCalls.limit).map { _ in
            IO.task {
                try? await office.call("agent_describe", ["agent": "lab-1"], as: greedy).isError
            }
        }
        #expect(await until { waiting.withLock { $0 } == OpenCalls.limit })
        let failure = try await office.failure("agent_describe", ["agent": "lab-1"], as: greedy)
        #expect(failure?.contains("calls of yours are open") == true, "\(failure ?? "none")")
        let answer = try await office.call("agent_describe", ["agent": "lab-1"], as: other)
        #expect(answer.structured?["sessions"] == 3)
        release.set(())
        for call in calls { #expect(await call.value == false) }
        #expect(try await office.failure("agent_describe", ["agent": "lab-1"], as: greedy) == nil)
        office.house.close()
    }

    @Test @IO func `what belongs to another agent is dropped`() async throws {
        let office = try await Office()
        let all = try office.principal("*", [.admin])
        let (own, other) = (office.ids["lab-1"] ?? "", office.ids["vault"] ?? "")
        let evil = try #require(office.agents["lab-1"])
        for (tool, arguments, list, entries, kept) in [
            (
                "target_list", ["agent": "lab-1"], "targets",
                ["target", "vault/db", "lab-1/db", "lab-10/x"],
                "lab-1/db"
            ),
            (
                "ssh_session_list", ["agent": "lab-1"], "sessions",
                ["session_id", "\(other).1", "\(own).1", "\(own)"], "\(own).1"
            ),
            (
                "ssh_command_list", ["agent": "lab-1"], "commands",
                ["command_id", "\(other).1", "\(own).1", "vault.1"], "\(own).1"
            ),
        ] as [(String, JSON.Object, String, [String], String)] {
            evil.serve = { _ in
                let objects = entries.dropFirst().map { JSON.object([entries[0]: .string($0)]) }
                return Reply.result(RawJSON([list: .array(objects)])).encoded()
            }
            let answer = try await office.call(tool, arguments, as: all).structured
            let shown = answer?[list]?.arrayValue?.compactMap { $0[entries[0]]?.stringValue } ?? []
            #expect(shown.contains(kept), "\(tool): \(shown)")
            #expect(!shown.contains { $0 != kept && entries.contains($0) }, "\(tool): \(shown)")
        }
        for (tool, arguments, claim) in [
            ("ssh_session_open", ["target": "lab-1/db"], ["session_id": .string("\(other).1")]),
            ("ssh_execute", ["target": "lab-1/db", "command": "id"], ["target": "vault/db"]),
            (
                "ssh_session_read", ["session_id": .string("\(own).1")],
                ["session_id": .string("\(own).1"), "command_id": .string("\(other).2")]
            ),
            ("file_read", ["target": "lab-1/db", "path": "/x"], ["target": "lab-2/db"]),
        ] as [(String, JSON.Object, JSON.Object)] {
            evil.serve = { _ in Reply.result(RawJSON(.object(claim))).encoded() }
            let text = try await office.failure(tool, arguments, as: all)
            #expect(
                text?.contains("answered about another agent") == true, "\(tool): \(text ?? "")")
        }
        office.house.close()
    }
}
