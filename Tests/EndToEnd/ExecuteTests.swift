// One-shot commands end to end: separate streams, codes, signals, and a timeout that really ends
// the remote process.
import Foundation
import JSON
import Support
import Testing

@Suite struct ExecuteTests {
    func execute(_ arguments: JSON.Object, on host: String = "bash") async throws -> JSON {
        var arguments = arguments
        arguments["target"] = .string("site/\(host)")
        let answer = try await Place.shared.value.caller.structured(
            "ssh_execute", .object(arguments))
        return try #require(answer["results"]?[0])
    }

    @Test(arguments: ["bash", "local"])
    func `streams, input and exit code`(host: String) async throws {
        let result = try await execute(
            ["command": "cat; echo err >&2; exit 4", "stdin": "in\n"], on: host)
        #expect(result["stdout"] == "in\n" && result["stderr"] == "err\n")
        #expect(result["exit_code"] == 4 && result.state == "done")
    }

    @Test func `a signal is told as one`() async throws {
        let result = try await execute(["command": "kill -TERM $$; sleep 5"])
        #expect(result["signal"] == "TERM" || result["exit_code"] == 143, "\(result)")
    }

    @Test(arguments: ["bash", "local"])
    func `a timeout keeps what came and ends the process`(host: String) async throws {
        let mark = "31\(UInt32.random(in: 100_000...999_999))"
        let result = try await execute(
            ["command": .string("echo early; exec sleep \(mark)"), "timeout_s": 5, "wait_s": 30],
            on: host)
        #expect(result["stdout"] == "early\n", "\(result)")
        #expect(result.state != "running")
        let pgrep = try #require(Repository.find("pgrep"))
        let gone = try await holds(within: .seconds(10)) {
            let search = try RunningProcess(pgrep, ["-f", "sleep \(mark)"])
            return try await search.finished() == .exited(1)
        }
        #expect(gone, "the remote sleep still runs")
    }

    @Test func `many at once are not mixed up`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let result = try await execute(["command": .string("echo \(number)")])
                    #expect(result["stdout"] == .string("\(number)\n"))
                }
            }
            try await group.waitForAll()
        }
    }
}
