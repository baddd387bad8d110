// Programs that do not take over: whatever they do, the running relay goes on as before, or ends so
// that its service manager starts it again.
import Foundation
import JSON
import Support
import Testing

@Suite struct FailedUpgradeTests {
    /// A relay that was started by a link, in whose place other programs are put.
    private struct Linked {
        static let original = Repository.program("homeline-relay")

        let folder: TemporaryDirectory
        let relay: RunningProcess
        let data: String
        var program: String { folder.file("homeline-relay") }

        static func start(
            _ more: [String] = ["--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"],
            settings: String = "", environment: [String: String] = [:]
        ) async throws -> Linked {
            let folder = try TemporaryDirectory("upgrade")
            try folder.folder("data")
            try folder.write(settings, to: "data/relay.conf")
            let program = folder.file("homeline-relay")
            try FileManager.default.createSymbolicLink(
                atPath: program, withDestinationPath: original)
            let relay = try RunningProcess(
                program, ["serve", "--data", folder.file("data")] + more, environment: environment)
            _ = try await relay.line(containing: "Agents:")
            return Linked(folder: folder, relay: relay, data: folder.file("data"))
        }

        /// Puts a shell's program in the place of the relay's; nil: none.
        func put(_ text: String?) async throws {
            unlink(program)
            guard let text else { return }
            // By another process: one that this one starts meanwhile would hold the file open.
            try await RunningProcess.run(
                "/bin/sh",
                [
                    "-c", "printf '%s' \"$1\" >\"$0\" && chmod 700 \"$0\"", program,
                    "#!/bin/sh\nrelay='\(Self.original)' data='\(data)'\n\(text)",
                ])
        }

        func upgrade() throws -> RunningProcess {
            try RunningProcess(Self.original, ["upgrade", "--data", data])
        }

        func status() async throws -> JSON {
            try JSON(
                parsing: try await RunningProcess.run(
                    Self.original, ["status", "--json", "--data", data]))
        }

        /// Whether it is the process of `before`, and answers clients.
        func isServing(as before: JSON) async throws -> Bool {
            let now = try await status()
            let token = try await RunningProcess.run(
                Self.original,
                ["tokens", "create", "t\(UInt32.random(in: 0 ... .max))", "--data", data])
            let caller = try MCPCaller(
                url: before["mcp_url"]?.stringValue ?? "",
                token: token.trimmingCharacters(in: .whitespacesAndNewlines))
            let agents = try await caller.structured("agent_list")["agents"]
            return now["pid"] == before["pid"] && agents == []
        }

        /// A number that the program in the relay's place has written.
        func number(_ name: String) async throws -> Int32 {
            let file = folder.file(name)
            let found = await eventually(within: .seconds(10)) {
                (try? String(contentsOfFile: file, encoding: .utf8)).flatMap {
                    Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
                }
            }
            return try #require(found, "\(name)")
        }
    }

    /// What a program does that says that it is ready, and fails when the other has stepped aside.
    private static let readyThenFails = "echo ready >&3\nread word <&3\n"

    @Test func `a program that does not start leaves the running relay as it is`() async throws {
        let linked = try await Linked.start()
        let before = try await linked.status()
        for (text, words) in [
            ("exit 3\n", "exited with code 3"), (nil, "was not started"),
            (Self.readyThenFails + "exit 4\n", "exited with code 4"),
            ("echo failed: no luck >&3\nexit 1\n", "no luck"),
            // Something holds the folder for a moment: a doctor, or a relay that cannot listen.
            (
                Self.readyThenFails + """
                    flock "$data/relay.lock" sh -c 'echo 1 >"$0.held"; sleep 1' "$0" 3>&- &
                    until [ -e "$0.held" ]; do sleep 0.02; done
                    exit 5
                    """, "exited with code 5"
            ),
            // The last one: the relay could not start again on this folder.
            (
                Self.readyThenFails + """
                    sqlite3 "$data/relay.db" 'PRAGMA user_version = 999'
                    exit 6
                    """, "cannot open it again"
            ),
        ] as [(String?, String)] {
            try await linked.put(text)
            let told = try linked.upgrade()
            #expect(try await told.finished() == .exited(69), "\(words)")
            #expect(told.errors.contains(words), "\(told.errors)")
            #expect(
                told.errors.contains("cannot open it again") == (words == "cannot open it again"))
            #expect(try await linked.isServing(as: before), "\(words)")
        }
        #expect(await linked.relay.stop() == .exited(0))
    }

    @Test
    func `a token that is revoked while nobody has the folder is over for the relay that goes on`()
        async throws
    {
        let linked = try await Linked.start()
        let before = try await linked.status()
        let token = try await RunningProcess.run(
            Linked.original, ["tokens", "create", "lost", "--data", linked.data])
        let caller = try MCPCaller(
            url: before["mcp_url"]?.stringValue ?? "",
            token: token.trimmingCharacters(in: .whitespacesAndNewlines))
        _ = try await caller.structured("agent_list")
        try await linked.put(
            Self.readyThenFails + "\"$relay\" tokens revoke lost --data \"$data\" && exit 9\n")
        let told = try linked.upgrade()
        #expect(try await told.finished() == .exited(69))
        #expect(told.errors.contains("code 9"), "\(told.errors)")
        let isRefused = await eventually(within: .seconds(5)) { () -> Bool? in
            do { _ = try await caller.structured("agent_list") } catch { return true }
            return nil
        }
        #expect(isRefused == true)
        #expect(try await linked.isServing(as: before))
        #expect(await linked.relay.stop() == .exited(0))
    }

    @Test func `a relay that may open no more files refuses, and goes on`() async throws {
        let linked = try await Linked.start()
        let before = try await linked.status()
        try await linked.put(
            """
            echo 1 >"$0.begun"
            until [ -e "$0.go" ]; do sleep 0.02; done
            echo ready >&3
            read word <&3
            exit 7
            """)
        let told = try linked.upgrade()
        _ = try await linked.number("homeline-relay.begun")
        func limit(_ files: Int) async throws {
            try await RunningProcess.run(
                "/usr/bin/env",
                ["prlimit", "--pid", "\(linked.relay.id)", "--nofile=\(files):"])
        }
        try await limit(3)
        try linked.folder.write("", to: "homeline-relay.go")
        #expect(try await told.finished() == .exited(69))
        #expect(told.errors.contains("open files"), "\(told.errors)")
        try await limit(1000)
        #expect(try await linked.isServing(as: before))
        #expect(await linked.relay.stop() == .exited(0))
    }

    @Test func `a relay whose folder another one has taken ends, and says why`() async throws {
        let linked = try await Linked.start()
        try await linked.put(
            Self.readyThenFails + """
                unset HOMELINE_HANDOVER
                "$relay" serve --data "$data" --mcp 127.0.0.1:0 --tunnel 127.0.0.1:0 \\
                    3>&- 4>&- 5>&- </dev/null >/dev/null 2>&1 &
                id=$!
                until "$relay" status --data "$data" >/dev/null; do sleep 0.05; done
                echo $id >"$0.other"
                exit 8
                """)
        linked.relay.signal(SIGUSR2)
        let other = try await linked.number("homeline-relay.other")
        defer { kill(other, SIGKILL) }
        #expect(try await linked.relay.finished() == .exited(69))
        #expect(linked.relay.errors.contains("cannot go on"), "\(linked.relay.errors)")
        #expect(try await linked.status()["pid"] == JSON(other))
        kill(other, SIGTERM)
        #expect(await holds { kill(other, 0) != 0 })
    }

    @Test func `a signal to end ends the new process as well, before and after it may begin`()
        async throws
    {
        for text in ["", Self.readyThenFails] {
            let linked = try await Linked.start()
            try await linked.put("\(text)echo $$ >\"$0.pid\"\nexec sleep 60\n")
            linked.relay.signal(SIGUSR2)
            let new = try await linked.number("homeline-relay.pid")
            linked.relay.signal(SIGTERM)
            #expect(try await linked.relay.finished() == .exited(0))
            #expect(await holds(within: .seconds(5)) { kill(new, 0) != 0 })
            kill(new, SIGKILL)
            // The folder is free, and nothing is left that would take it.
            let again = try RunningProcess(
                Linked.original,
                [
                    "serve", "--data", linked.data, "--mcp", "127.0.0.1:0", "--tunnel",
                    "127.0.0.1:0",
                ])
            _ = try await again.line(containing: "Agents:")
            #expect(await again.stop() == .exited(0))
        }
    }

    @Test func `an address that changes on the same port is refused, and the reason given`()
        async throws
    {
        let port = try Ports.free()
        func settings(_ host: String) -> String {
            "Mcp \(host):\(port)\nTunnel 127.0.0.1:0\n"
        }
        let linked = try await Linked.start([], settings: settings("127.0.0.1"))
        let before = try await linked.status()
        try linked.folder.write(settings("0.0.0.0"), to: "data/relay.conf")
        let told = try linked.upgrade()
        #expect(try await told.finished() == .exited(69))
        #expect(told.errors.contains("needs an end and a start"), "\(told.errors)")
        #expect(try await linked.isServing(as: before))
        #expect(await linked.relay.stop() == .exited(0))
    }

    @Test func `what waits for the relay's end is known by its name`() async throws {
        let folder = try TemporaryDirectory("tini")
        // A shell under another name, which waits for what it has started as that program does.
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("tini"), withDestinationPath: "/bin/sh")
        let data = folder.file("data")
        let kept = try RunningProcess(
            folder.file("tini"),
            [
                "-c", "\"$0\" \"$@\"; exit $?", Linked.original, "serve", "--data", data, "--mcp",
                "127.0.0.1:0", "--tunnel", "127.0.0.1:0",
            ])
        _ = try await kept.line(containing: "Agents:")
        let told = try RunningProcess(Linked.original, ["upgrade", "--data", data])
        #expect(try await told.finished() == .exited(69))
        #expect(told.errors.contains("tini"), "\(told.errors)")
        await kept.stop()
    }

    @Test func `an upgrade does not begin while the service manager cannot be reached`()
        async throws
    {
        let linked = try await Linked.start(environment: ["NOTIFY_SOCKET": "/nowhere/notify"])
        let before = try await linked.status()
        let told = try linked.upgrade()
        #expect(try await told.finished() == .exited(69))
        #expect(told.errors.contains("NOTIFY_SOCKET"), "\(told.errors)")
        #expect(try await linked.isServing(as: before))
        #expect(await linked.relay.stop() == .exited(0))
    }
}
