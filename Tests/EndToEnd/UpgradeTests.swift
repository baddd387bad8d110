// A relay whose program is exchanged while clients work: the new process takes over, and no call
// fails.
import Foundation
import JSON
import Support
import Testing

@Suite struct UpgradeTests {
    /// The processes that took over; the test ends what is left of them.
    private final class Processes: Sendable {
        private let ids = Box<[Int32]>([])
        func add(_ id: Int32) { ids.withLock { $0.append(id) } }
        deinit { for id in ids.withLock({ $0 }) { kill(id, SIGKILL) } }
    }

    private func pid(_ home: Installation) async throws -> Int32 {
        let status = try await home.relay("status", "--json")
        return try #require(status["pid"]?.intValue.flatMap { Int32(exactly: $0) })
    }

    /// A client that calls without a pause, in a process of its own over connections that it keeps.
    private func keeper(_ home: Installation, token: String, session: String) throws
        -> RunningProcess
    {
        try RunningProcess(
            "/usr/bin/env",
            [
                "python3", Repository.root + "/Tests/Support/python/keeper.py", home.url, token,
                session,
            ])
    }

    @Test func `no call fails while a relay is upgraded three times`() async throws {
        let processes = Processes()
        let place = try await Place.start([:])
        let home = place.home
        let session = try await place.open("local")
        try await session.run("kept=1")
        let isOver = Box(false)
        let (calls, failures, slowest) = (Box(0), Box<[String]>([]), Box(Duration.zero))
        let kept = try await place.open("local")
        let keeper = try keeper(home, token: try await home.token("keeper"), session: kept.id)
        _ = try await keeper.line(containing: "begun")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<3 {
                let own = try await place.open("local")
                group.addTask {
                    var turn = 0
                    while !isOver.withLock({ $0 }) {
                        turn += 1
                        let (start, word) = (ContinuousClock.now, "w\(number)-\(turn)")
                        do {
                            let output =
                                if number == 0 {
                                    try await place.caller.structured(
                                        "ssh_execute",
                                        [
                                            "target": "site/local",
                                            "command": .string("echo \(word)"), "wait_s": 20,
                                        ])["results"]?[0]?["stdout"]?.stringValue
                                } else {
                                    try await own.run("echo \(word)", wait: 20).output
                                }
                            if output != word + "\n" { throw Unavailable("\(output as Any)") }
                        } catch { failures.withLock { $0.append("\(word): \(error)") } }
                        calls.withLock { $0 += 1 }
                        let time = ContinuousClock.now - start
                        slowest.withLock { $0 = max($0, time) }
                    }
                }
            }
            var last = try await pid(home)
            for way in ["command", "signal", "command"] {
                if way == "command" {
                    let told = try await home.relay("upgrade", "--json")
                    processes.add(
                        try #require(told["pid"]?.intValue.flatMap { Int32(exactly: $0) }))
                } else {
                    kill(last, SIGUSR2)
                }
                let before = last
                #expect(
                    await holds(within: .seconds(20)) {
                        let now = try? await pid(home)
                        return now != nil && now != before
                    })
                last = try await pid(home)
                processes.add(last)
                let count = calls.withLock { $0 }
                #expect(await holds { calls.withLock { $0 } > count + 20 })
                // It ends once it has nothing left to do.
                #expect(await holds(within: .seconds(10)) { kill(before, 0) != 0 })
            }
            isOver.withLock { $0 = true }
            try await group.waitForAll()
        }
        keeper.send("\n")
        let told = try await keeper.line(containing: "calls")
        print(
            "upgrades: \(calls.withLock { $0 }) calls, slowest \(slowest.withLock { $0 }); \(told)")
        #expect(failures.withLock { $0 } == [])
        #expect(told.hasSuffix(" 0 failed"), "\(keeper.errors)")
        #expect(try await session.run("echo $kept").output == "1\n")
        kill(try await pid(home), SIGTERM)
        await home.stop()
    }

    @Test func `a program that does not start leaves the running relay as it is`() async throws {
        // The relay is started by a link, in whose place other programs are put then.
        let folder = try TemporaryDirectory("upgrade")
        let program = folder.file("homeline-relay")
        let original = Repository.program("homeline-relay")
        try FileManager.default.createSymbolicLink(
            atPath: program, withDestinationPath: original)
        let data = folder.file("other")
        let relay = try RunningProcess(
            program, ["serve", "--data", data, "--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"])
        _ = try await relay.line(containing: "Agents:")
        let ask = [original, "status", "--json", "--data", data]
        let before = try JSON(parsing: try await RunningProcess.run(ask[0], Array(ask[1...])))
        for (number, (text, words)) in [
            ("#!/bin/sh\nexit 3\n", "exited with code 3"), (nil, "was not started"),
            // It says that it is ready, and fails when the other one has stepped aside.
            ("#!/bin/sh\necho ready >&3\nread word <&3\nexit 4\n", "exited with code 4"),
            ("#!/bin/sh\necho failed: no luck >&3\nexit 1\n", "no luck"),
        ].enumerated() as EnumeratedSequence<[(String?, String)]> {
            unlink(program)
            if let text {
                // By another process: one that this one starts meanwhile would hold the file open.
                try await RunningProcess.run(
                    "/bin/sh",
                    ["-c", "printf '%s' \"$1\" >\"$0\" && chmod 700 \"$0\"", program, text])
            }
            let told = try RunningProcess(original, ["upgrade", "--data", data])
            #expect(try await told.finished() == .exited(69), "\(words)")
            #expect(told.errors.contains(words), "\(told.errors)")
            let now = try JSON(parsing: try await RunningProcess.run(ask[0], Array(ask[1...])))
            #expect(now["pid"] == before["pid"] && now["mcp_url"] == before["mcp_url"])
            let url = try #require(now["mcp_url"]?.stringValue)
            let caller = try MCPCaller(
                url: url,
                token: try await RunningProcess.run(
                    original, ["tokens", "create", "t\(number)", "--data", data]
                ).trimmingCharacters(in: .whitespacesAndNewlines))
            #expect(try await caller.structured("agent_list")["agents"] == [])
        }
        #expect(await relay.stop() == .exited(0))
    }
}
