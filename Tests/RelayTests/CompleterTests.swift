// Completion: what fits comes first, what a caller may not see never comes, and no agent holds it
// up.
import JSON
import Loop
import MCP
import Testing
import Wire

@testable import homeline_relay

@Suite struct CompleterTests {
    private static let scopes: Set<Scope> = [
        .fleetRead, .sessionsExec, .sessionsRead, .filesRead,
    ]

    @IO private func values(
        _ office: Office, _ kind: Completable, _ typed: String,
        _ settled: [String: String] = [:], as pattern: String = "*",
        _ scopes: Set<Scope> = scopes
    ) async throws -> [String] {
        let principal = try office.principal(pattern, scopes)
        _ = office.router.introduce(principal)
        return await Completer(directory: Directory(office.router))
            .values(kind, typed, settled, for: principal)
    }

    @Test @IO func `agents and targets fit by name, host and tag`() async throws {
        let office = try await Office()
        #expect(try await values(office, .agent, "") == ["lab-1", "lab-2", "vault"])
        #expect(try await values(office, .agent, "LAB") == ["lab-1", "lab-2"])
        #expect(try await values(office, .agent, "va") == ["vault"])
        #expect(try await values(office, .agent, "x").isEmpty)
        let all = try await values(office, .target, "")
        #expect(all == ["lab-1/db", "lab-1/web", "lab-2/db", "lab-2/web", "vault/db", "vault/web"])
        #expect(try await values(office, .target, "lab-1/w") == ["lab-1/web"])
        #expect(try await values(office, .target, "we") == ["lab-1/web", "lab-2/web", "vault/web"])
        #expect(
            try await values(office, .target, "lab", as: "vault,lab-2")
                == ["lab-2/db", "lab-2/web"])
        #expect(try await values(office, .host, "d", ["agent": "lab-1"]) == ["db"])
        #expect(try await values(office, .host, "d").isEmpty)
        #expect(
            try await values(office, .subject, "failed") == ["failed_services"])
        #expect(!(try await values(office, .subject, "").contains("container_logs")))
        office.house.close()
    }

    @Test @IO func `the targets used last come first`() async throws {
        let office = try await Office()
        let principal = try office.principal("*", Self.scopes)
        for target in ["lab-2/web", "vault/db"] {
            _ = try await office.call(
                "ssh_execute", ["target": .string(target), "command": "id"], as: principal)
        }
        // A tag of an agent finds its targets.
        #expect(
            try await values(office, .target, "").prefix(3) == [
                "vault/db", "lab-2/web", "lab-1/db",
            ])
        #expect(try await values(office, .target, "lab").first == "lab-2/web")
        // Another principal's uses are its own.
        #expect(try await values(office, .target, "", as: "lab-*").first == "lab-1/db")
        office.house.close()
    }

    @Test @IO func `rights and scopes bound what is found`() async throws {
        let office = try await Office()
        #expect(try await values(office, .agent, "", as: "lab-1") == ["lab-1"])
        #expect(
            try await values(office, .target, "", as: "lab-1/db,lab-2")
                == ["lab-1/db", "lab-2/db", "lab-2/web"])
        for kind in Completable.allCases where kind != .subject {
            let found = try await values(
                office, kind, "", ["agent": "lab-1", "host": "db"], [.forwards])
            #expect(found.isEmpty, "\(kind): \(found)")
        }
        let asked = office.calls.count
        #expect(
            try await values(office, .path, "/", ["target": "vault/db"], as: "lab-*").isEmpty)
        #expect(
            try await values(office, .path, "/", ["target": "lab-1/db"], as: "lab-1/web").isEmpty)
        #expect(office.calls.count == asked)
        office.house.close()
    }

    @Test @IO func `sessions and commands fit by id, name and text`() async throws {
        let office = try await Office()
        office.reply = { [unowned office] name, request in
            let id = office.ids[name] ?? ""
            switch request.method {
            case "session.list":
                return [
                    "sessions": [
                        [
                            "session_id": .string("\(id).1"), "target": .string("\(name)/db"),
                            "idle_s": 50,
                        ],
                        [
                            "session_id": .string("\(id).2"), "target": .string("\(name)/web"),
                            "idle_s": 5, "name": "deploy",
                        ],
                    ]
                ]
            case "command.list":
                return [
                    "commands": [
                        [
                            "command_id": .string("\(id).c1"), "command": "make all",
                            "started_s_ago": 9,
                        ],
                        [
                            "command_id": .string("\(id).c2"), "command": "Make test",
                            "started_s_ago": 3,
                        ],
                    ]
                ]
            default: return nil
            }
        }
        let id = office.ids["vault"] ?? ""
        #expect(try await values(office, .session, "", as: "vault") == ["\(id).2", "\(id).1"])
        #expect(try await values(office, .session, "dep", as: "vault") == ["\(id).2"])
        #expect(try await values(office, .session, "vault/d", as: "vault") == ["\(id).1"])
        #expect(try await values(office, .session, "\(id).1") == ["\(id).1"])
        #expect(
            try await values(office, .command, "make", as: "vault") == ["\(id).c2", "\(id).c1"])
        #expect(try await values(office, .command, "all", as: "vault") == ["\(id).c1"])
        office.house.close()
    }

    @Test @IO func `paths come from one list, which is remembered, and at a bounded rate`()
        async throws
    {
        let office = try await Office()
        var lists: [JSON] = []
        office.reply = { _, request in
            guard request.method == "file.list" else { return nil }
            lists.append(request.arguments)
            return [
                "entries": [
                    ["path": "hosts", "type": "file"], ["path": "host.d", "type": "directory"],
                    ["path": "ho\\x07", "type": "file", "unusable": "its name"],
                    ["path": "other", "type": "file"],
                ]
            ]
        }
        let principal = try office.principal("*", Self.scopes)
        _ = office.router.introduce(principal)
        let completer = Completer(directory: Directory(office.router))
        func paths(_ typed: String, _ settled: [String: String]) async -> [String] {
            await completer.values(.path, typed, settled, for: principal)
        }
        let place = ["agent": "lab-1", "host": "db"]
        #expect(await paths("/etc/ho", place) == ["/etc/host.d/", "/etc/hosts"])
        #expect(await paths("/etc/host.", place) == ["/etc/host.d/"])
        #expect(await paths("etc/ho", ["target": "lab-1/db"]) == ["etc/host.d/", "etc/hosts"])
        #expect(await paths("~/ho", place) == ["~/host.d/", "~/hosts"])
        #expect(lists.map { $0["path"] } == ["/etc/", "~/"])
        #expect(lists.first?["glob"] == "h*")
        for number in 0..<50 { _ = await paths("/d\(number)/h", place) }
        #expect((10...20).contains(lists.count), "\(lists.count)")
        office.house.close()
    }

    @Test @IO func `an agent that is silent costs a second`() async throws {
        let office = try await Office()
        office.reply = { name, request in
            guard name == "lab-1", ["target.list", "file.list"].contains(request.method) else {
                return nil
            }
            _ = await Once<Void>().wait()
            return nil
        }
        let start = IO.now
        #expect(
            try await values(office, .target, "")
                == ["lab-2/db", "lab-2/web", "vault/db", "vault/web"])
        #expect(try await values(office, .path, "/", ["target": "lab-1/db"]).isEmpty)
        #expect(IO.now - start < .seconds(2) * 3)
        office.house.close()
    }
}
