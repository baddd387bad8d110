// SIGTERM while calls wait: each call is answered with the output so far, and sessions and commands
// that can go on do.
import Foundation
import JSON
import Support
import Testing

@Suite struct DrainTests {
    private static func failed(_ result: JSON) -> Bool { result["isError"]?.boolValue == true }

    @Test func `a relay that ends answers what waits with what there is`() async throws {
        let place = try await Place.start([:])
        let relay = try #require(place.home.process("relay"))
        let (first, second) = (try await place.open("local"), try await place.open("local"))
        let begun = place.home.directory.file("begun")
        let caller = place.caller
        async let command = caller.call(
            "ssh_session_command",
            [
                "session_id": .string(first.id), "wait_s": 40,
                "command": .string("kept=1; echo half; : >\(begun)1; sleep 600"),
            ])
        async let execution = caller.call(
            "ssh_execute",
            [
                "target": "site/local", "wait_s": 40,
                "command": .string("echo half; : >\(begun)2; sleep 600"),
            ])
        async let until = caller.call(
            "ssh_session_command",
            [
                "session_id": .string(second.id), "wait_s": 40, "until": "never",
                "command": .string(": >\(begun)3; sleep 600"),
            ])
        #expect(await holds { (1...3).allSatisfy { access("\(begun)\($0)", F_OK) == 0 } })
        async let read = caller.call(
            "ssh_session_read", ["session_id": .string(second.id), "wait_s": 40])
        try await Task.sleep(for: .milliseconds(300))
        let start = ContinuousClock.now
        let end = await relay.stop(within: .seconds(20))
        let time = ContinuousClock.now - start
        print("the relay ended after \(time)")
        #expect(end == .exited(0) && time < .seconds(6), "\(relay.errors)")
        for result in [try await command, try await until, try await read] {
            #expect(!Self.failed(result) && result["structuredContent"]?.state == "running")
        }
        let executed = try await execution["structuredContent"]?["results"]?[0]
        #expect(executed?["state"] == "running" && executed?["stdout"] == "half\n")
        try await place.home.startRelay()
        #expect(await place.home.online("site", caller: caller, within: .seconds(10)))
        _ = try await first.press("ctrl-c")
        #expect(try await first.run("echo $kept").output == "1\n")
        await place.home.stop()
    }

    @Test func `a second signal ends a relay that waits for a call`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let line = try SlowLink(to: server.port, breaks: .stalls(600))
        defer { line.close() }
        let config = try server.configuration(alias: "halfway")
            .replacing("Port \(server.port)", with: "Port \(line.port)")
        let place = try await Place.start([:], more: config)
        let relay = try #require(place.home.process("relay"))
        async let opening = place.caller.answer(
            "ssh_session_open", ["target": "site/halfway", "connect_timeout_s": 40])
        #expect(await holds { server.log.contains("Connection from") })
        relay.signal(SIGTERM)
        #expect(await !holds(within: .seconds(2)) { relay.end != nil })
        relay.signal(SIGTERM)
        #expect(try await relay.finished(within: .seconds(6)) == .exited(0))
        let text = try await opening.text
        #expect(text.contains("the relay is stopping"), "\(text)")
        await place.home.stop()
    }

    @Test func `an agent that ends says so in the answers of what waits`() async throws {
        let place = try await Place.start([:])
        let agent = try #require(place.home.process("site"))
        let session = try await place.open("local")
        let begun = place.home.directory.file("begun")
        let caller = place.caller
        async let command = caller.call(
            "ssh_session_command",
            [
                "session_id": .string(session.id), "wait_s": 40,
                "command": .string("echo half; : >\(begun)1; sleep 600"),
            ])
        async let execution = caller.call(
            "ssh_execute",
            [
                "target": "site/local", "wait_s": 40,
                "command": .string("echo half; : >\(begun)2; sleep 600"),
            ])
        #expect(await holds { (1...2).allSatisfy { access("\(begun)\($0)", F_OK) == 0 } })
        let start = ContinuousClock.now
        #expect(await agent.stop(within: .seconds(10)) == .exited(0), "\(agent.errors)")
        let ended = try await command["structuredContent"]
        #expect(ended?.state == "link_lost" && ended?["output"] == "half\n", "\(ended as Any)")
        #expect(ended?["note"]?.stringValue?.contains("the agent was stopped") == true)
        let executed = try await execution["structuredContent"]?["results"]?[0]
        #expect(executed?["state"] == "cancelled" && executed?["stdout"] == "half\n")
        #expect(executed?["note"] == "the agent was stopped", "\(executed as Any)")
        #expect(ContinuousClock.now - start < .seconds(8))
        #expect(await holds { agent.survivors().isEmpty })
        await place.home.stop()
    }
}
