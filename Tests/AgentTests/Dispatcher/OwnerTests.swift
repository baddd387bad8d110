// Who may use a session or a command: by the id of its owner and the host it leads to, never by a
// name. Through the dispatcher, with every call that takes a handle.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct OwnerTests {
    private static let owner = Caller(id: "id-1", label: "laptop", reach: ["local"])
    /// Those who must not get at what `owner` has opened on `local`.
    private static let strangers = [
        Caller(id: "id-2", label: "laptop", reach: Caller.everywhere),
        Caller(id: "laptop", reach: Caller.everywhere),
        Caller(id: "id-1", label: "laptop", reach: ["db-*"]),
        Caller(id: "id-1", label: "laptop", reach: []),
        Caller(id: "root", isAdmin: true, reach: ["loca", "local?", "db-*"]),
    ]
    /// Those who may: the owner under whatever name, and an admin whose reach has the host.
    private static let others = [
        Caller(id: "id-1", label: "renamed", reach: ["loc*"]),
        Caller(id: "root", isAdmin: true, reach: ["db", "l?cal"]),
    ]

    private static let sessionCalls: [(Wire.Method, JSON.Object)] = [
        (.runCommand, ["command": "echo in"]), (.sendInput, ["text": "x", "wait_s": 0]),
        (.sendInput, ["adopt": true]), (.sendInput, ["secret": "s"]), (.readOutput, [:]),
        (.readOutput, ["view": "screen"]), (.updateSession, ["name": "mine"]),
        (.closeSession, [:]),
    ]

    @IO private func opened(_ desk: Desk) async throws -> JSON {
        let opened = await desk.call(.openSession, ["target": "site/local"], as: Self.owner)
        return try #require(try opened.get()["session_id"])
    }

    @Test @IO func `a session is its owner's by id, on hosts in reach`() async throws {
        let desk = try await Desk([])
        let id = try await opened(desk)
        for stranger in Self.strangers {
            for (method, arguments) in Self.sessionCalls {
                let fault = await desk.call(
                    method, arguments.with(["session_id": id]), as: stranger)
                #expect(fault.code == .unknownSession, "\(method) by \(stranger)")
            }
            let again = await desk.call(.openSession, ["reopen": id], as: stranger)
            #expect(again.code == .unknownSession, "reopen by \(stranger)")
            let list = try await desk.call(.listSessions, [:], as: stranger).get()
            #expect(list["sessions"] == [], "\(stranger)")
            let closed = try await desk.call(.closeSession, ["all": true], as: stranger).get()
            #expect(closed["closed"] == [], "\(stranger)")
        }
        for caller in Self.others + [Self.owner] {
            let list = try await desk.call(.listSessions, [:], as: caller).get()
            #expect(list["sessions"]?[0]?["session_id"] == id)
            // The label is for people, and stays the one it was opened under.
            #expect(
                list["sessions"]?[0]?["owner"] == (caller.id == Self.owner.id ? nil : "laptop"))
            let run = try await desk.call(
                .runCommand, ["session_id": id, "command": "echo in"], as: caller
            ).get()
            #expect(run["output"] == "in\n")
        }
        await desk.service.shutDown()
    }

    @Test @IO func `a command is its owner's by id, on hosts in reach`() async throws {
        let desk = try await Desk([])
        let run = try await desk.call(
            .execute, ["target": "site/local", "command": "echo in"], as: Self.owner
        ).get()
        let id = try #require(run["command_id"])
        for stranger in Self.strangers {
            for method in [Wire.Method.readCommand, .cancelCommand] {
                let answer = await desk.call(method, ["command_id": id], as: stranger)
                #expect(answer.code == .unknownCommand, "\(method) by \(stranger)")
            }
            let list = try await desk.call(.listCommands, [:], as: stranger).get()
            #expect(list["commands"] == [], "\(stranger)")
        }
        for caller in Self.others + [Self.owner] {
            let list = try await desk.call(.listCommands, [:], as: caller).get()
            let label: JSON? = caller.id == Self.owner.id ? nil : "laptop"
            #expect(list["commands"]?[0]?["owner"] == label)
            let read = try await desk.call(.readCommand, ["command_id": id], as: caller).get()
            #expect(read["stdout"] == "in\n")
        }
        await desk.service.shutDown()
    }

    @Test @IO func `a revoked principal keeps nothing, not even what it is opening`() async throws {
        let desk = try await Desk([])
        let kept = try await desk.call(
            .openSession, ["target": "site/local"], as: Self.others[1]
        ).get()
        _ = try await opened(desk)
        let run = try await desk.call(
            .execute, ["target": "site/local", "command": "sleep 600", "background": true],
            as: Self.owner
        ).get()
        let held = try await desk.call(.listPrincipals, [:]).get()
        #expect(held["principals"] == ["id-1", "root"])
        let opening = IO.task {
            await desk.call(.openSession, ["target": "site/local"], as: Self.owner)
        }
        let starting = IO.task {
            await desk.call(
                .execute, ["target": "site/local", "command": "sleep 600", "background": true],
                as: Self.owner)
        }
        try await IO.sleep(for: .milliseconds(1))
        let ended = try await desk.call(.endPrincipal, ["principal": "id-1"]).get()
        #expect((ended["sessions"]?.intValue ?? 0) >= 1 && (ended["commands"]?.intValue ?? 0) >= 1)
        // Either may have been there a moment before; what comes later is refused.
        _ = (await opening.value, await starting.value)
        #expect(desk.service.sessions.all.map(\.id) == [kept["session_id"]?.stringValue])
        #expect(await holds { desk.service.commands.runningCount == 0 })
        let state = try await desk.call(
            .readCommand, ["command_id": run["command_id"] ?? .null], as: Self.others[1]
        ).get()
        #expect(state["state"] == "cancelled")
        let late = await desk.call(.openSession, ["target": "site/local"], as: Self.owner)
        #expect(late.code == .refusedByPolicy)
        await desk.service.shutDown()
    }

    @Test @IO func `the reach is asked about the host, and about what else it names`() throws {
        let caller = Caller(id: "a", reach: ["web", "root@db?:22"])
        for (target, isInReach) in [
            ("site/web", true), ("web", true), ("site/root@db1:22", true), ("site/WEB.", true),
            ("site/root@web:99", true), ("web/local", false), ("site/web@vault", false),
            ("site/deploy@db1:22", false), ("site/root@db1:2222", false),
        ] {
            let owner = Owner(caller, at: try TargetName(target))
            #expect(caller.mayUse(owner) == isInReach, "\(target)")
        }
    }
}

extension Result<JSON, Fault> {
    /// The fault's code; nil: it is a result.
    var code: Fault.Code? {
        if case .failure(let fault) = self { return fault.code }
        return nil
    }
}
