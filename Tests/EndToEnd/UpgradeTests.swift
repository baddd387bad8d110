// A relay whose program is exchanged while clients work: the new process takes over, and no call
// fails.
import Foundation
import JSON
import Loop
import Net
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

    @Test func `a service manager learns of the new process, which says that it is alive`()
        async throws
    {
        let processes = Processes()
        let folder = try TemporaryDirectory("notify")
        let manager = try ServiceManager(folder.file("notify"))
        let (program, data) = (Repository.program("homeline-relay"), folder.file("relay"))
        // The id of the shell is that of the program that takes its place.
        let relay = try RunningProcess(
            "/bin/sh",
            [
                "-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\"", program, "serve", "--data", data,
                "--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0",
            ],
            environment: ["NOTIFY_SOCKET": folder.file("notify"), "WATCHDOG_USEC": "200000"])
        #expect(await manager.hears("READY=1"))
        #expect(await manager.hears("WATCHDOG=1"))
        let told = try JSON(
            parsing: try await RunningProcess.run(
                program, ["upgrade", "--json", "--data", data]))
        let pid = try #require(told["pid"]?.intValue.flatMap { Int32(exactly: $0) })
        processes.add(pid)
        #expect(await manager.hears("MAINPID=\(pid)\n"))
        // The new process has its standard output.
        #expect(await holds { relay.end == .exited(0) })
        // What is still there may be of the old process; what comes now is not.
        while manager.next() != nil {}
        #expect(await manager.hears("WATCHDOG=1", within: .seconds(5)))
        kill(pid, SIGTERM)
        #expect(await manager.hears("STOPPING=1"))
    }

    @Test @IO func `a token that is revoked at the new process ends at the old one, too`()
        async throws
    {
        let processes = Processes()
        let home = try await Installation.start()
        let open = try await OpenRequest.begin(home)
        let told = try await home.relay("upgrade", "--json")
        processes.add(try #require(told["pid"]?.intValue.flatMap { Int32(exactly: $0) }))
        try await IO.sleep(for: .milliseconds(200))
        #expect(!open.isOver)
        _ = try await home.relay("tokens", "revoke", open.token, "--json")
        // 1 s until it is seen, and 3 s for a client that does not read.
        #expect(await holds(within: .seconds(5)) { open.isOver })
        #expect(open.answer == "")
        await home.stop()
    }

    /// A certificate's hook, a terminal that closes, an operator who asks twice.
    @Test @IO func `a relay that lets its calls end does not die of HUP and USR2`() async throws {
        let home = try await Installation.start()
        let open = try await OpenRequest.begin(home)
        let relay = try #require(home.process("relay"))
        relay.signal(SIGTERM)
        _ = try await relay.line(containing: "stopping")
        for number in [SIGHUP, SIGUSR2, SIGHUP] { relay.signal(number) }
        open.finish()
        #expect(await holds { open.isOver })
        #expect(open.answer.hasPrefix("HTTP/1.1 "), "\(open.answer)")
        #expect(try await relay.finished() == .exited(0))
    }
}

/// A request whose last byte is missing: the relay waits for it, and with it a process that ends.
@IO private final class OpenRequest {
    let token: String
    private let stream: SocketStream
    private(set) var answer = ""
    private(set) var isOver = false

    static func begin(_ home: Installation) async throws -> OpenRequest {
        let token = try await home.token("open")
        let port = try #require(URL(string: home.url)?.port.flatMap { UInt16(exactly: $0) })
        let stream = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let open = OpenRequest("open", stream)
        stream.write(
            Array(
                """
                POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r
                Content-Type: application/json\r\nAccept: application/json, text/event-stream\r
                Content-Length: 2\r\n\r\n{
                """.utf8))
        // The relay has read it, as it answers another connection that came later.
        _ = try await home.relay("status", "--json")
        return open
    }

    private init(_ token: String, _ stream: SocketStream) {
        (self.token, self.stream) = (token, stream)
        unsafe stream.onData = { [weak self] bytes in
            unsafe self?.answer += String(decoding: bytes, as: UTF8.self)
        }
        stream.onClose = { [weak self] _ in self?.isOver = true }
    }

    func finish() { stream.write(Array("}".utf8)) }
}
