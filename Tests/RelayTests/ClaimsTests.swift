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

    /// While one agent answers with the most members that fit, another's calls are as quick as ever.
    @Test @IO func `no answer keeps others waiting`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        let evil = try #require(office.agents["lab-1"])
        // Made of small members, which take the longest to read for their size.
        let members = (0..<110_000).map { "\"m\($0)\":1" }.joined(separator: ",")
        let flat = Array(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\(members)}}".utf8.prefix(1 << 20))
        let lists = (0..<60_000).map { "{\"target\":\"vault/\($0)\"}" }.joined(separator: ",")
        for (tool, arguments, reply) in [
            ("agent_describe", ["agent": "lab-1"], flat), ("target_list", [:], flat),
            ("ssh_session_list", [:], flat), ("ssh_command_list", ["agent": "lab-1"], flat),
            (
                "target_list", [:],
                Array(
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"targets\":[\(lists)]}}".utf8
                        .prefix(1 << 20))
            ),
        ] as [(String, JSON.Object, [UInt8])] {
            evil.serve = { _ in reply }
            let asking = IO.task { try? await office.call(tool, arguments, as: all) }
            var longest = Duration.zero
            var isOver = false
            IO.task {
                _ = await asking.value
                isOver = true
            }
            while !isOver {
                let start = IO.now
                try await IO.sleep(for: .milliseconds(1))
                longest = max(longest, IO.now - start)
            }
            // The build that is tested is not optimized, and a busy machine takes its share.
            #expect(longest < .milliseconds(500), "\(tool): \(longest)")
        }
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
