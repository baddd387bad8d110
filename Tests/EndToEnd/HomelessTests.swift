// An agent whose user has no home folder, as users of services: it works, from the root.
import Foundation
import JSON
import Support
import Testing

@Suite struct HomelessTests {
    @Test(arguments: ["/nonexistent", "/etc/passwd", ""])
    func `an agent without a home folder starts programs in the root`(home: String) async throws {
        let place = try await Installation.start()
        let caller = try await place.caller()
        try await place.join("site")
        let agent = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", place.data("site")],
            environment: ["HOME": home])
        #expect(await place.online("site", caller: caller))
        #expect(
            agent.errors.contains("the home folder \(home) cannot be entered"), "\(agent.errors)")
        let command = "pwd; echo \"$HOME\""
        for pty in [false, true] {
            let run = try await caller.structured(
                "ssh_execute",
                ["target": "site/local", "command": .string(command), "pty": .bool(pty)])
            let lines = run["results"]?[0]?["stdout"]?.stringValue?.split(
                whereSeparator: \.isNewline)
            #expect(lines == ["/", "/"], "\(run)")
        }
        let session = try await caller.structured("ssh_session_open", ["target": "site/local"])
        let answer = try await caller.structured(
            "ssh_session_command",
            ["session_id": session["session_id"] ?? .null, "command": .string(command)])
        #expect(
            answer["output"]?.stringValue?.split(whereSeparator: \.isNewline) == ["/", "/"],
            "\(answer)")
        let etc = try await caller.structured("file_list", ["target": "site/local", "path": "etc"])
        #expect(etc["entries"]?.arrayValue?.isEmpty == false)
        #expect(await agent.stop() == .exited(0))
        await place.stop()
    }
}
