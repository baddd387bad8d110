// Tunnels cut at random bytes while clients work: no call fails, no output byte is missing or
// doubled, and every side effect happens once. HOMELINE_CUTS_SEED repeats a run; HOMELINE_CUTS is
// the number of cuts (`make soak`: 10,000).
import Foundation
import JSON
import Support
import Testing

@Suite struct AtMostOnceTests {
    /// What is done while the tunnel is cut.
    enum Work: CaseIterable {
        case execute, command, type, background, write, pieces
    }

    /// An agent behind a line of its own, and a session on it.
    private struct Site: Sendable {
        let name: String
        let link: SlowLink
        let place: Place
        let session: OpenSession
        let file: String

        var target: JSON { .string("\(name)/local") }

        /// What is in the file that the side effects add lines to.
        func lines() -> [String] {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").map(String.init)
        }
    }

    private static func site(_ home: Installation, _ caller: MCPCaller, _ number: Int) async throws
        -> Site
    {
        let name = "cut\(number)"
        let port = try #require(URL(string: home.tunnel)?.port)
        let link = try SlowLink(to: UInt16(port))
        try await home.join(name, through: link.port)
        try await home.startAgent(name, caller: caller)
        let opened = try await caller.structured(
            "ssh_session_open", ["target": .string("\(name)/local")])
        let id = try #require(opened["session_id"]?.stringValue)
        return Site(
            name: name, link: link, place: Place(home: home, servers: [:], caller: caller),
            session: OpenSession(id: id, caller: caller, opened: opened),
            file: home.directory.file("\(name).effects"))
    }

    @Test func `cuts at random bytes lose nothing and run nothing twice`() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed =
            environment["HOMELINE_CUTS_SEED"].flatMap(UInt64.init) ?? .random(in: 1...999_999)
        let cuts = environment["HOMELINE_CUTS"].flatMap(Int.init) ?? 512
        let sites = 16
        print("cuts: HOMELINE_CUTS_SEED=\(seed)")
        let home = try await Installation.start()
        let caller = try await home.caller()
        var all: [Site] = []
        for number in 0..<sites { all.append(try await Self.site(home, caller, number)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, site) in all.enumerated() {
                group.addTask {
                    var random = Seeded(state: seed &* 1000 &+ UInt64(number))
                    for step in 0..<(cuts / sites) {
                        let work = try #require(Work.allCases.randomElement(using: &random))
                        let bytes = Int.random(in: 0...Self.reach(of: work), using: &random)
                        let isToAgent = Bool.random(using: &random)
                        let size = Int.random(in: 1...40_000, using: &random)
                        site.link.cut(after: bytes, toClient: isToAgent)
                        try await Self.run(
                            work, at: site, token: "t\(number)-\(step)", size: size,
                            note: "seed \(seed), \(work) \(step), cut \(isToAgent) at \(bytes)")
                    }
                }
            }
            try await group.waitForAll()
        }
        await home.stop()
    }

    /// The bytes of a work's exchange within which its tunnel is cut.
    private static func reach(of work: Work) -> Int {
        switch work {
        case .execute, .command, .write, .background: 3000
        case .type: 1500
        case .pieces: 40_000
        }
    }

    private static func run(
        _ work: Work, at site: Site, token: String, size: Int, note: String
    ) async throws {
        let before = site.lines().count
        let output = "seq \(size) | head -c \(size)"
        let code = "echo \(token) >>\(site.file); \(output)"
        let expected = Self.sequence(size)
        func call(_ tool: String, _ arguments: JSON.Object) async throws -> JSON {
            let result = try await site.place.caller.call(tool, .object(arguments))
            #expect(result["isError"] != true, "\(note): \(result.text)")
            return result["structuredContent"] ?? [:]
        }
        let session: JSON = .string(site.session.id)
        switch work {
        case .execute:
            let result = try await call(
                "ssh_execute",
                [
                    "target": site.target, "command": .string(code), "wait_s": 20,
                    "max_bytes": 100_000,
                ])
            #expect(result["results"]?[0]?["stdout"] == .string(expected), "\(note): \(result)")
        case .command:
            let result = try await call(
                "ssh_session_command",
                [
                    "session_id": session, "command": .string(code), "wait_s": 20,
                    "max_bytes": 100_000,
                ])
            #expect(result.state == "done" && result.output == expected, "\(note): \(result)")
        case .type:
            let result = try await call(
                "ssh_session_send",
                [
                    "session_id": session, "text": .string("echo \(token) >>\(site.file)"),
                    "wait_s": 20,
                ])
            #expect(result.state == "done", "\(note): \(result)")
        case .background:
            let begun = try await call(
                "ssh_execute",
                ["target": site.target, "command": .string(code), "background": true])
            let id = try #require(begun["results"]?[0]?["command_id"], "\(note): \(begun)")
            var text = ""
            while true {
                let part = try await call(
                    "ssh_command_output",
                    [
                        "command_id": id, "stdout_offset": .int(Int64(text.utf8.count)),
                        "wait_s": 20, "max_bytes": 7000,
                    ])
                text += part["stdout"]?.stringValue ?? ""
                if part.state == "done", text.utf8.count >= size { break }
                guard part["isError"] != true, part.state != "" else { break }
            }
            #expect(text == expected, "\(note): \(text.count) of \(size)")
        case .write:
            _ = try await call(
                "file_write",
                [
                    "target": site.target, "path": .string(site.file),
                    "content": .string(token + "\n"), "append": true,
                ])
        case .pieces:
            // Each reading begins where this client's last answer ended.
            let begun = try await call(
                "ssh_session_command",
                [
                    "session_id": session, "command": .string("sleep 0.2; " + code), "wait_s": 0,
                ])
            #expect(begun.output == "", "\(note): \(begun)")
            var text = ""
            while text.utf8.count < size {
                let part = try await call(
                    "ssh_session_read",
                    ["session_id": session, "max_bytes": 5000, "wait_s": 5, "wait_for": "output"])
                guard !part.output.isEmpty else { break }
                text += part.output
            }
            #expect(text == expected, "\(note): \(text.count) of \(size)")
        }
        let lines = site.lines()
        #expect(lines.count == before + 1 && lines.last == token, "\(note): \(lines.suffix(3))")
    }

    /// What `seq N | head -c N` prints.
    private static func sequence(_ size: Int) -> String {
        var text = ""
        var number = 1
        while text.utf8.count < size {
            text += "\(number)\n"
            number += 1
        }
        return String(text.prefix(size))
    }

    @Test func `a client that lost its relay gets the answer of its call by its key`() async throws
    {
        let place = try await Place.start([:])
        let file = place.home.directory.file("effects")
        let arguments: JSON = [
            "target": "site/local", "command": .string("echo x >>\(file); sleep 2; echo end"),
            "wait_s": 20,
        ]
        async let lost = place.caller.call("ssh_execute", arguments, key: "mine")
        #expect(await holds { access(file, F_OK) == 0 })
        place.home.process("relay")?.signal(SIGKILL)
        _ = try? await lost
        try await place.home.process("relay")?.finished()
        try await place.home.startRelay()
        for _ in 0..<2 {
            let result = try await place.caller.call("ssh_execute", arguments, key: "mine")
            #expect(result["structuredContent"]?["results"]?[0]?["stdout"] == "end\n", "\(result)")
        }
        let other = try await place.caller.call(
            "ssh_execute", ["target": "site/local", "command": "true"], key: "mine")
        #expect(other["isError"] == true && other.text.contains("use a new key"), "\(other)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x\n")
        await place.home.stop()
    }

    @Test func `a client that lost its connection gets the answer of its call by its key`()
        async throws
    {
        let place = try await Place.start([:])
        let file = place.home.directory.file("effects")
        let arguments: JSON = [
            "target": "site/local", "command": .string("echo x >>\(file); sleep 3; echo end"),
            "wait_s": 20,
        ]
        _ = try? await place.caller.call(
            "ssh_execute", arguments, key: "mine", within: .milliseconds(1500))
        #expect(await holds { access(file, F_OK) == 0 })
        let result = try await place.caller.call("ssh_execute", arguments, key: "mine")
        #expect(result["structuredContent"]?["results"]?[0]?["stdout"] == "end\n", "\(result)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x\n")
        await place.home.stop()
    }

    @Test func `an agent that was killed during a call does not run it again`() async throws {
        let place = try await Place.start([:])
        let file = place.home.directory.file("effects")
        let arguments: JSON = [
            "target": "site/local", "command": .string("echo x >>\(file); sleep 100"),
            "wait_s": 30,
        ]
        async let waiting = place.caller.call("ssh_execute", arguments, key: "mine")
        #expect(await holds { access(file, F_OK) == 0 })
        place.home.process("site")?.signal(SIGKILL)
        try await place.home.process("site")?.finished()
        try await place.home.startAgent("site", caller: place.caller)
        let result = try await waiting
        #expect(result["isError"] == true && result.text.contains("not begun again"), "\(result)")
        let again = try await place.caller.call("ssh_execute", arguments, key: "mine")
        #expect(again["isError"] == true && again.text.contains("not begun again"), "\(again)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x\n")
        await place.home.stop()
    }
}
