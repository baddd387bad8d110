// How long one agent's answer keeps the loop from everything else.
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct AnswerFloodTests {
    /// While one agent answers with the most members that fit, another's calls are as quick as
    /// ever.
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
                let start = threadTime()
                try await IO.sleep(for: .milliseconds(1))
                longest = max(longest, threadTime() - start)
            }
            // The build that is tested is not optimized: it takes some ten times as long.
            #expect(longest < .milliseconds(500), "\(tool): \(longest)")
        }
        office.house.close()
    }
}
