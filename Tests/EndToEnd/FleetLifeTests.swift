// The life of agents in a fleet, with real programs: one is renamed while it works, and one is
// copied with its identity.
import Foundation
import JSON
import Support
import Testing

@Suite struct FleetLifeTests {
    @Test func `a renamed agent goes on with its sessions, also after a restart`() async throws {
        let home = try await Installation.start()
        let caller = try await home.caller()
        try await home.join("site", settings: "AllowLocal yes\n")
        try await home.startAgent("site", caller: caller)
        let session = try await caller.structured("ssh_session_open", ["target": "site/local"])
        let id = try #require(session["session_id"])
        func run(_ command: String) async throws -> String? {
            try await caller.structured(
                "ssh_session_command", ["session_id": id, "command": .string(command)])["output"]?
                .stringValue
        }
        _ = try await run("kept=7")
        let changed = try await caller.structured(
            "agent_update", ["agent": "site", "name": "shop", "tags": ["till"]])
        #expect(changed["agent"] == "shop" && changed["tags"] == ["till"])
        #expect(try await run("echo $kept") == "7\n")
        func isShown(as name: String) async throws -> Bool {
            let targets = try await caller.structured("target_list")["targets"]?.arrayValue ?? []
            let sessions = try await caller.structured("ssh_session_list")["sessions"]?.arrayValue
            return targets.contains { $0["target"] == .string("\(name)/local") }
                && sessions?.map { $0["target"] } == [.string("\(name)/local")]
        }
        #expect(await holds(within: .seconds(10)) { (try? await isShown(as: "shop")) == true })
        let process = try #require(home.process("site"))
        #expect(
            try await process.line(containing: "the relay calls this agent shop").isEmpty == false)
        // The operator changes it back; then agent and relay start anew.
        _ = try await home.relay("agents", "update", "shop", "--name", "depot", "--json")
        #expect(await holds(within: .seconds(10)) { (try? await isShown(as: "depot")) == true })
        #expect(try await run("echo $kept") == "7\n")
        await home.stop()
        try await home.startRelay()
        let again = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", home.data("site")])
        defer { again.signal(SIGKILL) }
        #expect(await home.online("depot", caller: caller))
        let shown = try await caller.structured("agent_describe", ["agent": "depot"])
        #expect(shown["changed_by"] == "operator" && shown["tags"] == ["till"])
        #expect(shown["facts"]?["kernel"] != nil && shown["load"]?["memory_bytes"] != nil)
    }

    @Test func `of two machines with one identity one is served, and people learn of it`()
        async throws
    {
        let home = try await Installation.start()
        let caller = try await home.caller()
        try await home.join("site", settings: "AllowLocal yes\n")
        try await home.startAgent("site", caller: caller)
        try FileManager.default.copyItem(atPath: home.data("site"), toPath: home.data("copy"))
        let copy = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", home.data("copy")])
        defer { copy.signal(SIGKILL) }
        func warning() async -> String? {
            let list = try? await caller.structured("agent_list")
            return list?["agents"]?[0]?["warning"]?.stringValue
        }
        let found = await eventually(within: .seconds(30)) { await warning() }
        #expect(found?.contains("two machines use this identity: 127.0.0.1:") == true)
        #expect(found?.contains("new invitation") == true)
        let text = try await RunningProcess.run(
            Repository.program("homeline-relay"), ["agents", "--data", home.data("relay")])
        #expect(text.contains("warning: site: two machines"))
        let refused = try #require(home.process("site"))
        _ = try await refused.line(containing: "another machine has the same identity")
        // One is served meanwhile, and the log says it once.
        let done = try await caller.structured(
            "ssh_execute", ["target": "site/local", "command": "echo on"])
        #expect(done["results"]?[0]?["exit_code"] == 0)
        let log = try #require(home.process("relay")).errors
        #expect(log.components(separatedBy: "two machines use this identity").count == 2)
        // What the warning advises ends it.
        _ = await copy.stop()
        let invited = try await home.relay("invite", "--json")
        _ = try await RunningProcess.run(
            Repository.program("homeline-agent"),
            [
                "join", "--new", try #require(invited["invitation"]?.stringValue), "--name",
                "other",
                "--data", home.data("copy"),
            ])
        let other = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", home.data("copy")])
        defer { other.signal(SIGKILL) }
        #expect(await home.online("other", caller: caller))
    }

    @Test func `an agent gets a new key, and a reinstalled machine is the same agent again`()
        async throws
    {
        let home = try await Installation.start()
        let caller = try await home.caller()
        try await home.join("site", settings: "AllowLocal yes\n")
        try await home.startAgent("site", caller: caller)
        let session = try await caller.structured("ssh_session_open", ["target": "site/local"])
        let id = try #require(session["session_id"])
        let file = home.data("site") + "/agent.key"
        let first = try String(contentsOfFile: file, encoding: .utf8)
        let changed = try await home.relay("agents", "new-key", "site", "--json")
        #expect(changed["changed"] == true, "\(changed)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) != first)
        // The session does not notice, and the key counts after a restart of the relay.
        _ = await home.process("relay")?.stop()
        try await home.startRelay()
        let again = try await home.caller()
        #expect(await home.online("site", caller: again))
        let run = try await again.structured(
            "ssh_session_command", ["session_id": id, "command": "echo still here"])
        #expect(run["output"] == "still here\n")
        // The machine is installed anew: its folder is gone.
        let invited = try await home.relay("invite", "--rejoin", "site", "--json")
        _ = try await RunningProcess.run(
            Repository.program("homeline-agent"),
            [
                "join", try #require(invited["invitation"]?.stringValue),
                "--data", home.data("fresh"),
            ])
        let fresh = try RunningProcess(
            Repository.program("homeline-agent"), ["run", "--data", home.data("fresh")])
        defer { fresh.signal(SIGKILL) }
        let former = try #require(home.process("site"))
        _ = try await former.line(containing: "refused")
        let agents = try await home.relay("agents", "--json")["agents"]?.arrayValue
        #expect(agents?.map { $0["agent"] } == ["site"])
        #expect(await home.online("site", caller: again))
    }
}
