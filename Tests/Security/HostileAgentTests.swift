// An agent that was taken over, against a real relay with another, honest agent: whatever it sends,
// the other agent's calls go on, the relay's memory stays bounded, and nothing it says about others
// is shown. Prints a line for each attack.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@Suite(.serialized) struct HostileAgentTests {
    private typealias Frame = RawAgent

    /// A relay with the honest agent `good` and the identity of `evil`.
    private struct Scene {
        let home: Installation
        let caller: MCPCaller
        let relay: RunningProcess
        let evil: RawAgent.Identity
        let goodID: String

        static func start() async throws -> Scene {
            // The measured calls are more a second than one token may make.
            let home = try await Installation.start(["--requests-per-second", "0"])
            let caller = try await home.caller()
            try await home.join("good")
            try await home.startAgent("good", caller: caller)
            let evil = try await RawAgent.Identity(try await home.invitation("evil"))
            let list = try await caller.structured("agent_list")
            return Scene(
                home: home, caller: caller, relay: try #require(home.process("relay")), evil: evil,
                goodID: try #require(list["agents"]?[0]?["id"]?.stringValue))
        }

        /// Watches the relay, and calls of the honest agent beside it.
        func cost() -> Cost {
            Cost(of: relay) { [caller] in
                _ = try await caller.structured("ssh_session_list", ["agent": "good"])
            }
        }

        /// Every tool that an agent answers, for `evil`.
        func calls() async -> [(tool: String, arguments: JSON)] {
            let id = await evil.agentID ?? ""
            return [
                ("agent_describe", ["agent": "evil"]), ("target_list", ["agent": "evil"]),
                ("target_list", [:]), ("ssh_session_list", [:]), ("ssh_command_list", [:]),
                ("ssh_session_open", ["target": "evil/local", "retries": 0]),
                ("ssh_session_command", ["session_id": .string("\(id).s"), "command": "id"]),
                ("ssh_session_send", ["session_id": .string("\(id).s"), "text": "id"]),
                ("ssh_session_read", ["session_id": .string("\(id).s")]),
                ("ssh_session_update", ["session_id": .string("\(id).s"), "name": "x"]),
                ("ssh_session_close", ["session_id": .string("\(id).s")]),
                ("ssh_execute", ["target": "evil/local", "command": "id"]),
                ("ssh_command_output", ["command_id": .string("\(id).c")]),
                ("ssh_command_cancel", ["command_id": .string("\(id).c")]),
                ("file_list", ["target": "evil/local", "path": "/"]),
                ("file_read", ["target": "evil/local", "path": "/x"]),
                ("file_write", ["target": "evil/local", "path": "/x", "content": ""]),
            ]
        }
    }

    /// The frames that are sent without end: their name and one portion.
    private static let floods: [(name: String, frames: [UInt8])] = {
        func many(_ frame: [UInt8]) -> [UInt8] { (0..<500).flatMap { _ in frame } }
        let window = RawAgent.frame(.window, RawAgent.number(1))
        return [
            ("PING", many(Frame.frame(.ping, [UInt8](repeating: 7, count: 8)))),
            ("PING replies", many(Frame.frame(.ping, flags: 1, [UInt8](repeating: 7, count: 8)))),
            ("SETTINGS", many(Frame.frame(.settings, [0, 4, 0, 1, 0, 0]))),
            ("SETTINGS, empty", many(Frame.frame(.settings))),
            ("SETTINGS, table of 4 GiB", many(Frame.frame(.settings, [0, 1, 255, 255, 255, 255]))),
            ("WINDOW_UPDATE", many(window)),
            ("WINDOW_UPDATE of 0", many(Frame.frame(.window, RawAgent.number(0)))),
            ("WINDOW_UPDATE, overflow", many(Frame.frame(.window, RawAgent.number(0x7fff_ffff)))),
            ("RST_STREAM", many(Frame.frame(.reset, stream: 1, RawAgent.number(8)))),
            ("RST_STREAM, idle", many(Frame.frame(.reset, stream: 99_999, RawAgent.number(8)))),
            ("PRIORITY", many(Frame.frame(.priority, stream: 9999, RawAgent.number(3) + [1]))),
            (
                "PRIORITY on itself",
                many(Frame.frame(.priority, stream: 3, RawAgent.number(3) + [1]))
            ),
            (
                "CONTINUATION",
                Frame.frame(.headers, stream: 1, [0x88])
                    + many(Frame.frame(.continuation, stream: 1, [0, 1, 97, 1, 98]))
            ),
            ("empty DATA", many(Frame.frame(.data, stream: 1))),
            ("HEADERS of new streams", many(Frame.frame(.headers, flags: 4, stream: 2, [0x88]))),
            (
                "PUSH_PROMISE",
                many(Frame.frame(.promise, flags: 4, stream: 1, RawAgent.number(2) + [0x82]))
            ),
            ("GOAWAY", many(Frame.frame(.goAway, RawAgent.number(1) + RawAgent.number(0)))),
            ("unknown frames", many(Frame.frame(.unknown, [UInt8](repeating: 0, count: 100)))),
            ("frames of 16 MiB", [255, 255, 255, 0, 0, 0, 0, 0, 1]),
            ("not HTTP/2", [UInt8](repeating: 0xff, count: 16384)),
        ]
    }()

    @Test(.timeLimit(.minutes(30)))
    func `floods of frames hold up nobody`() async throws {
        let scene = try await Scene.start()
        let calm = scene.cost()
        try await Task.sleep(for: Trial.time)
        let usual = await calm.end()
        print("hostile agent: no attack: \(usual)")
        for (name, frames) in Self.floods {
            let cost = scene.cost()
            let (bytes, connections) = try await Self.flood(scene.evil, frames)
            let result = await cost.end()
            print(
                "hostile agent: \(name): \(bytes >> 20) MiB, \(connections) connections: \(result)")
            #expect(connections > 0 && bytes > 0, "\(name): no attack took place")
            Self.judge(name, result, usual)
        }
        await scene.home.stop()
    }

    /// What every attack must keep.
    private static func judge(_ name: String, _ result: Cost.Result, _ usual: Cost.Result) {
        #expect(result.grown < Trial.memory, "\(name): \(result)")
        #expect(result.median < usual.median + Trial.delay, "\(name): \(result)")
        #expect(result.failures.isEmpty, "\(name): \(result.failures.first ?? "")")
    }

    /// Sends frames for the time of a trial, and connects again whenever the relay hangs up.
    @IO private static func flood(
        _ identity: RawAgent.Identity, _ frames: [UInt8]
    ) async throws -> (bytes: Int, connections: Int) {
        let end = IO.now + Trial.time
        var (bytes, connections) = (0, 0)
        while IO.now < end {
            guard let agent = try? await RawAgent.connect(identity) else { continue }
            connections += 1
            while IO.now < end, !agent.stream.isClosed {
                if agent.stream.unsent < 256 << 10 {
                    agent.stream.write(frames)
                    agent.stream.flush()
                    bytes += frames.count
                }
                try await IO.sleep(for: agent.stream.unsent < 64 << 10 ? .zero : .milliseconds(1))
            }
            agent.stream.close()
        }
        return (bytes, connections)
    }

    @Test(.timeLimit(.minutes(30)))
    func `answers of every method hold up nobody, and are believed about evil alone`() async throws
    {
        let scene = try await Scene.start()
        let calm = scene.cost()
        try await Task.sleep(for: Trial.time)
        let usual = await calm.end()
        for kind in HostileReply.all(claiming: scene.goodID) {
            let name = kind.name
            guard let agent = try? await RawAgent.connect(scene.evil) else {
                Issue.record("\(name): not welcomed: \(scene.relay.errors.suffix(2000))")
                continue
            }
            await Self.set(agent, kind.serve)
            let cost = scene.cost()
            let caller = scene.caller
            let calls = await scene.calls()
            let answers = try await concurrently(calls) { tool, arguments -> String in
                // A hostile answer is given up soon; an honest one has time on a busy machine.
                let patience = Duration.seconds(name == HostileReply.honest ? 20 : 2)
                let answer = try? await caller.answer(tool, arguments, within: patience)
                return answer?.text ?? ""
            }
            let result = await cost.end()
            print("hostile agent: \(name): \(result)")
            Self.judge(name, result, usual)
            #expect(await agent.calls > 0, "\(name): no call arrived")
            for (call, text) in zip(calls, answers) {
                #expect(!text.contains("forged"), "\(name): \(call.tool): \(text.prefix(500))")
                #expect(
                    text.contains(HostileReply.honest) == (name == HostileReply.honest),
                    "\(name): \(call.tool): \(text.prefix(500))")
            }
            let list = try await caller.structured("agent_list")
            #expect(!list.description.contains("forged"), "\(name)")
            await Self.close(agent)
        }
        await scene.home.stop()
        // What `others' ids` claimed above its five lines is a total, at the relay's end at the
        // latest.
        let totals = scene.relay.errors.split(separator: "\n").filter {
            $0.contains("agent evil: ") && $0.contains("more wrong answers")
        }
        #expect(!totals.isEmpty, "\(scene.relay.errors.suffix(2000))")
    }

    @IO private static func set(
        _ agent: RawAgent, _ serve: @escaping HostileReply.Serve
    ) { agent.serve = serve }

    @IO private static func close(_ agent: RawAgent) { agent.stream.close() }
}
