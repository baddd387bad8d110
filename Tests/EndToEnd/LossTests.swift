// Parts killed while clients work: every call ends with a named state, nothing hangs, what can
// come back does, and an orderly end leaves no process behind.
import Foundation
import JSON
import Support
import Testing

@Suite struct LossTests {
    static let named: Set<String> = [
        "done", "running", "link_lost", "shell_exited", "aborted", "incomplete",
    ]

    @Test func `a killed relay is found again and sessions are still there`() async throws {
        let place = try await Place.start(["dash": .init(shell: .dash)])
        let session = try await place.open("dash")
        try await session.run("kept=1")
        place.home.process("relay")?.signal(SIGKILL)
        try await place.home.process("relay")?.finished()
        try await place.home.startRelay()
        #expect(await place.home.online("site", caller: place.caller, within: .seconds(30)))
        #expect(try await session.run("echo $kept").output == "1\n")
        await place.home.stop()
    }

    @Test func `a killed sshd is a lost link`() async throws {
        let place = try await Place.start(["dash": .init(shell: .dash)])
        let session = try await place.open("dash")
        let begun = place.home.directory.file("begun")
        async let waiting = place.caller.call(
            "ssh_session_command",
            [
                "session_id": .string(session.id), "command": .string(": >\(begun); sleep 600"),
                "wait_s": 40,
            ])
        #expect(await holds(within: .seconds(30)) { access(begun, F_OK) == 0 })
        place.servers["dash"]?.stop()
        let result = try await waiting
        let state = result["structuredContent"]?.state ?? ""
        #expect(state == "link_lost" || state == "shell_exited", "\(result)")
        try await place.servers["dash"]?.restart()
        let again = try await place.open("dash")
        #expect(try await again.run("echo back").output == "back\n")
        await place.home.stop()
    }

    @Test func `a session whose link is lost is opened again where it was`() async throws {
        let place = try await Place.start(["dash": .init(shell: .dash)])
        let session = try await place.open("dash")
        try await session.run("cd /usr/bin; export HL_KEPT='a b'")
        let early = try await place.caller.call(
            "ssh_session_open", ["reopen": .string(session.id)])
        #expect(early["isError"] == true && early.text.contains("has not ended"))
        // The next command's answer comes after what was learned.
        try await session.run("true")
        place.servers["dash"]?.cutConnections()
        let gone = await holds(within: .seconds(10)) {
            let told = try? await place.caller.call(
                "ssh_session_command", ["session_id": .string(session.id), "command": ":"])
            return told?["isError"] == true && told?.text.contains("reopen") == true
        }
        #expect(gone)
        let opened = try await place.caller.structured(
            "ssh_session_open", ["reopen": .string(session.id)])
        #expect(opened["reopened_from"] == .string(session.id))
        #expect(opened["cwd"] == "/usr/bin")
        #expect(opened["restored"] == ["cwd": "/usr/bin", "variables": ["HL_KEPT"]])
        let id = try #require(opened["session_id"]?.stringValue)
        #expect(id != session.id)
        let again = OpenSession(id: id, caller: place.caller, opened: opened)
        #expect(try await again.run("printenv HL_KEPT; pwd").output == "a b\n/usr/bin\n")
        let unknown = try await place.caller.call(
            "ssh_session_open", ["reopen": .string(session.id + "x")])
        #expect(unknown["isError"] == true)
        await place.home.stop()
    }

    @Test func `an agent that falls silent is found out in 5 s, and the call goes on`() async throws
    {
        let place = try await Place.start([:])
        let session = try await place.open("local")
        let file = place.home.directory.file("effects")
        try await session.run("kept=1")
        place.home.process("site")?.signal(SIGSTOP)
        let start = ContinuousClock.now
        async let waiting = session.run("echo $kept; echo x >>\(file)", wait: 40)
        #expect(await offline(place))
        #expect(ContinuousClock.now - start < .seconds(6))
        place.home.process("site")?.signal(SIGCONT)
        // The call that the agent finds in its broken tunnel and the relay's repetition are one.
        #expect(try await waiting.output == "1\n")
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x\n")
        await place.home.stop()
    }

    /// Whether the relay has noticed that the agent is gone.
    private func offline(_ place: Place) async -> Bool {
        await holds(within: .seconds(8)) {
            await !place.home.online("site", caller: place.caller, within: .zero)
        }
    }

    @Test func `a call waits for an agent that lost its tunnel a moment ago`() async throws {
        let place = try await Place.start([:])
        place.home.process("site")?.signal(SIGKILL)
        #expect(await offline(place))
        async let waiting = place.caller.structured(
            "ssh_execute", ["target": "site/local", "command": "echo back"])
        try await place.home.startAgent("site", caller: place.caller)
        #expect(try await waiting["results"]?[0]?["stdout"] == "back\n")
        await place.home.stop()
    }

    @Test func `a call to an agent that was killed a moment ago waits for 10 s`() async throws {
        let place = try await Place.start([:])
        let session = try await place.open("local")
        place.home.process("site")?.signal(SIGKILL)
        #expect(await offline(place))
        let start = ContinuousClock.now
        let result = try await place.caller.call(
            "ssh_session_command",
            ["session_id": .string(session.id), "command": "true", "wait_s": 1])
        #expect(result["isError"] == true && result.text.contains("offline"), "\(result)")
        #expect(ContinuousClock.now - start < .seconds(14))
        try await place.home.startAgent("site", caller: place.caller)
        let again = try await place.open("local")
        #expect(try await again.run("echo back").output == "back\n")
        await place.home.stop()
    }

    @Test func `a revoked agent is cut within five seconds`() async throws {
        let place = try await Place.start([:])
        let begun = place.home.directory.file("begun")
        async let waiting = place.caller.call(
            "ssh_execute",
            [
                "target": "site/local", "command": .string(": >\(begun); exec sleep 100"),
                "wait_s": 40,
            ])
        #expect(await holds(within: .seconds(30)) { access(begun, F_OK) == 0 })
        _ = try await place.home.relay("agents", "revoke", "site", "--json")
        let start = ContinuousClock.now
        let gone = await holds(within: .seconds(6)) {
            await !place.home.online("site", caller: place.caller, within: .zero)
        }
        #expect(gone && ContinuousClock.now - start < .seconds(5))
        let ended = try await waiting
        #expect(ended["isError"] == true && ended.text.contains("was revoked"), "\(ended)")
        await place.home.stop()
    }

    @Test func `an orderly end is quick and leaves nothing`() async throws {
        let place = try await Place.start(["bash": .init(shell: .bash)])
        _ = try await place.open("bash").run("sleep 600 &")
        _ = try await place.open("local").run("sleep 601", wait: 0.2)
        let start = ContinuousClock.now
        let ends = await place.home.stop()
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(ends == ["relay": .exited(0), "site": .exited(0)])
        for name in ["relay", "site"] {
            #expect(await holds { place.home.process(name)?.survivors().isEmpty ?? false })
        }
    }

    @Test func `two clients with fifty sessions are never mixed up`() async throws {
        let place = try await Place.start([
            "a": .init(shell: .dash, settings: ["MaxSessions": "60"]),
            "b": .init(shell: .bash, settings: ["MaxSessions": "60"]),
        ])
        let other = try await place.home.caller()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                let caller = number % 2 == 0 ? place.caller : other
                let mine = Place(home: place.home, servers: place.servers, caller: caller)
                group.addTask {
                    let session = try await mine.open(["a", "b", "local"][number % 3])
                    try await session.run("me=\(number)")
                    for step in 0..<9 {
                        let result = try await session.run("echo $me-\(step)")
                        #expect(result.output == "\(number)-\(step)\n", "\(result)")
                    }
                    try await session.close()
                }
            }
            try await group.waitForAll()
        }
        await place.home.stop()
    }

    @Test func `random kills leave no call without an answer`() async throws {
        let place = try await Place.start(["a": .init(shell: .dash)])
        let stop = Box(false)
        let calls = Box(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    while !stop.withLock({ $0 }) {
                        // A refused connection is an answer too: the relay is down just then
                        guard let session = try? await place.open(number % 3 == 0 ? "local" : "a")
                        else { continue }
                        for step in 0..<5 {
                            let result = try? await place.caller.call(
                                "ssh_session_command",
                                [
                                    "session_id": .string(session.id),
                                    "command": .string("echo \(number)-\(step)"), "wait_s": 5,
                                ], within: .seconds(30))
                            calls.withLock { $0 += 1 }
                            guard let content = result?["structuredContent"],
                                result?["isError"] != true
                            else { continue }
                            #expect(Self.named.contains(content.state), "\(content)")
                            if content.state == "done" {
                                #expect(content.output == "\(number)-\(step)\n")
                            }
                        }
                        try? await session.close()
                    }
                }
            }
            for round in 0..<6 {
                try await Task.sleep(for: .milliseconds(700))
                switch round % 3 {
                case 0: place.servers["a"]?.cutConnections()
                case 1:
                    place.home.process("site")?.signal(SIGKILL)
                    try await place.home.process("site")?.finished()
                    try await place.home.startAgent("site", caller: place.caller)
                default:
                    place.home.process("relay")?.signal(SIGKILL)
                    try await place.home.process("relay")?.finished()
                    try await place.home.startRelay()
                    #expect(await place.home.online("site", caller: place.caller))
                }
            }
            stop.withLock { $0 = true }
            let start = ContinuousClock.now
            try await group.waitForAll()
            #expect(ContinuousClock.now - start < .seconds(40))
        }
        #expect(calls.withLock { $0 } > 50)
        await place.home.stop()
    }

    @Test func `memory returns when sessions end`() async throws {
        let place = try await Place.start([
            "a": .init(shell: .dash, settings: ["MaxSessions": "60"])
        ])
        // Two rounds fill what is kept for reuse; further ones must not add to it.
        var resident: [String: [Int]] = [:]
        for round in 0..<5 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let session = try await place.open(number % 2 == 0 ? "a" : "local")
                        try await session.run("seq 40000", wait: 45, maximum: 1000)
                        if number % 4 == 0 { try await session.run("sleep 600", wait: 0.1) }
                        try await session.close()
                    }
                }
                try await group.waitForAll()
            }
            // A link that was cut in the middle of its sessions gives its memory back as well.
            if round == 3 { place.servers["a"]?.cutConnections() }
            for name in ["relay", "site"] {
                let bytes = try #require(place.home.process(name)?.residentBytes)
                resident[name, default: []].append(bytes)
            }
        }
        for (name, rounds) in resident {
            #expect(rounds[4] - rounds[1] < 8 << 20, "\(name): \(rounds)")
        }
        let left = try await place.caller.structured("ssh_session_list", [:])
        #expect(left["sessions"] == [])
        await place.home.stop()
    }
}
