// Which agent a handle names, with many agents, and a session by its name.
import Crypto
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite(.serialized, .timeLimit(.minutes(1))) struct HandleTests {
    @Test func `a beginning of an id names one agent, whoever else there is`() {
        var index = AgentIndex()
        var ids = (0..<2000).map { _ in Base32.encode(Random.bytes(10)).lowercased() }
        // Ids of an earlier release may begin alike; one may be the beginning of another.
        ids += ["k3f9aaaa", "k3f9ab", "k3f9", "abc", "lab-1", "lab-2", "lab-10"]
        for id in ids { index.add(id) }
        for id in ids {
            let prefix = index.prefix(of: id)
            #expect(id.hasPrefix(prefix) && prefix.count >= min(4, id.count))
            #expect(index.id(beginningWith: prefix) == id, "\(prefix) of \(id)")
            #expect(index.id(beginningWith: id) == id)
        }
        #expect(index.prefix(of: "k3f9ab") == "k3f9ab")
        #expect(index.prefix(of: "k3f9aaaa") == "k3f9aa")
        #expect(index.id(beginningWith: "k3f") == nil && index.id(beginningWith: "") == nil)
        #expect(index.id(beginningWith: "k3f9a") == nil)
        for id in ids.prefix(1990) { index.remove(id) }
        #expect(index.id(beginningWith: index.prefix(of: ids[0])) == nil)
    }

    @Test @IO func `an agent answers under its own beginning, and under no other`() async throws {
        let record = AgentRecord(
            id: "k3f9abcd", name: "site", publicKey: [], tags: [], purpose: "", created: 0)
        let claims = Claims(agent: record, handlePrefix: "k3f9")
        for own in ["k3f9.7", "k3f9.7.1", "k3f9a.7", "k3f9abcd.x"] {
            try await claims.check(RawJSON(["session_id": .string(own)]))
        }
        for foreign in ["k3f.7", "k3f8.7", "k3f9b.7", "k3f9abcde.7", "k3f9", ".7", ""] {
            await #expect(throws: Fault.self, "\(foreign)") {
                try await claims.check(RawJSON(["command_id": .string(foreign)]))
            }
        }
        let longer = Claims(agent: record, handlePrefix: "k3f9ab")
        await #expect(throws: Fault.self) {
            try await longer.check(RawJSON(["session_id": "k3f9.7"]))
        }
    }

    @Test @IO func `a session's name works in the place of its id`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        let id = try #require(office.ids["lab-2"])
        let short = "\(id.prefix(4)).7"
        let agent = try #require(office.agents["lab-2"])
        var asked: [String] = []
        agent.serve = { request in
            guard request.method != "session.list" else {
                return Reply.result(
                    RawJSON([
                        "sessions": [
                            ["session_id": .string(short), "name": "deploy", "state": "done"],
                            [
                                "session_id": .string("\(id).1"), "name": "deploy",
                                "state": "link_lost",
                            ],
                            ["session_id": .string("\(id).2"), "name": "two", "state": "done"],
                            ["session_id": .string("\(id).3"), "name": "two", "state": "done"],
                            [
                                "session_id": .string("\(id).4"), "name": "theirs", "owner": "bob",
                                "state": "done",
                            ],
                        ]
                    ])
                ).encoded()
            }
            asked.append(request.arguments["session_id"]?.stringValue ?? "")
            asked += (request.arguments["reopen"]?.stringValue).map { [$0] } ?? []
            return Reply.result(RawJSON(["session_id": .string(short)])).encoded()
        }
        for tool in ["ssh_session_read", "ssh_session_command", "ssh_session_close"] {
            let answer = try await office.call(
                tool, ["session_id": "deploy", "command": "id"], as: all)
            #expect(!answer.isError, "\(tool): \(answer.text)")
        }
        _ = try await office.call("ssh_session_open", ["reopen": "deploy"], as: all)
        _ = try await office.call("ssh_session_read", ["session_id": .string(short)], as: all)
        #expect(asked == [short, short, short, "", "\(id).1", short])
        let two = try await office.failure("ssh_session_read", ["session_id": "two"], as: all)
        #expect(two?.contains("\(id).2, \(id).3") == true, "\(two ?? "")")
        let none = try await office.failure("ssh_session_read", ["session_id": "nine"], as: all)
        #expect(none?.contains("There is no session \"nine\"") == true, "\(none ?? "")")
        // An admin sees the sessions of others, but means its own by a name.
        let theirs = try await office.failure(
            "ssh_session_command", ["session_id": "theirs", "command": "id"], as: all)
        #expect(theirs?.contains("There is no session") == true, "\(theirs ?? "")")
        // Who may not see the agent finds nothing by a name either.
        let other = try office.principal("lab-1")
        let hidden = try await office.failure(
            "ssh_session_read", ["session_id": "deploy"], as: other)
        #expect(hidden?.contains("There is no session") == true, "\(hidden ?? "")")
        office.house.close()
    }

    @Test @IO func `a name does not change its session while the agent is offline`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        let home = try #require(office.ids["lab-2"])
        func give(_ names: Set<String>) {
            office.reply = { [unowned office] agent, request in
                guard request.method == "session.list", let id = office.ids[agent] else {
                    return nil
                }
                let own: JSON = [
                    "session_id": .string("\(id).7"), "name": "deploy", "state": "done",
                ]
                return ["sessions": .array(names.contains(agent) ? [own] : [])]
            }
        }
        give(["lab-2"])
        _ = try await office.call("ssh_session_read", ["session_id": "deploy"], as: all)
        // Another session of the name, where the caller has not meant it.
        give(["lab-2", "vault"])
        office.agents["lab-2"]?.close()
        let fleet = office.house.fleet
        #expect(await until { fleet.agent(named: "lab-2")?.connection == nil })
        let failure = try await office.failure(
            "ssh_session_read", ["session_id": "deploy"], as: all)
        #expect(failure?.contains("\"lab-2\", which is offline") == true, "\(failure ?? "")")
        #expect(failure?.contains("\(home).7") == true)
        office.house.close()
    }
}
