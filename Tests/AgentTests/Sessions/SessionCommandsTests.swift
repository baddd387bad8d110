// A session's commands as jobs: found, read and ended by their ids, with the session's rights.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionCommandsTests {
    @IO static func answer(
        _ desk: Desk, _ method: Wire.Method, _ arguments: JSON.Object,
        as caller: Caller = Caller(id: "ada", reach: Caller.everywhere)
    ) async throws -> JSON {
        try await desk.call(method, arguments, as: caller).get()
    }

    @IO static func open(_ desk: Desk) async throws -> String {
        let opened = try await answer(desk, .openSession, ["target": "site/local"])
        return try #require(opened["session_id"]?.stringValue)
    }

    /// Starts a command that goes on; returns its id.
    @IO static func start(
        _ desk: Desk, _ session: String, _ code: String
    ) async throws -> String {
        let result = try await answer(
            desk, .runCommand,
            ["session_id": .string(session), "command": .string(code), "wait_s": 0.3])
        return try #require(result["command_id"]?.stringValue)
    }

    @Test @IO func `output is read by id, while it runs and after others have run`() async throws {
        let desk = try await Desk([])
        let session = try await Self.open(desk)
        let id = try await Self.start(desk, session, "echo one; sleep 0.7; echo two; exit 3 | cat")
        var result = try await Self.answer(
            desk, .readCommand, ["command_id": .string(id), "wait_s": 5])
        #expect(result["state"] == "running" && result["stdout"] == "one\n")
        #expect(result["session_id"] == .string(session))
        let next = try #require(result["stdout_next_offset"])
        result = try await Self.answer(
            desk, .readCommand, ["command_id": .string(id), "wait_s": 10, "stdout_offset": next])
        #expect(result["stdout"] == "two\n")
        let end = try #require(result["stdout_next_offset"])
        while result["state"] == "running" {
            result = try await Self.answer(
                desk, .readCommand,
                ["command_id": .string(id), "wait_s": 10, "stdout_offset": end])
        }
        #expect(try await Self.start(desk, session, "echo three") == "\(session).2")
        result = try await Self.answer(desk, .readCommand, ["command_id": .string(id)])
        #expect(result["state"] == "done" && result["exit_code"] == 0)
        #expect(result["stdout"] == "one\ntwo\n" && result["stderr"] == nil)
        let list = try await Self.answer(desk, .listCommands, [:])
        let commands = list["commands"]?.arrayValue ?? []
        #expect(commands.map { $0["command"] } == ["echo three", commands.last?["command"]])
        #expect(commands.last?["command_id"] == .string(id))
        #expect(commands.last?["session_id"] == .string(session))
    }

    @Test @IO func `who may not use the session finds no command of it`() async throws {
        let desk = try await Desk([])
        let session = try await Self.open(desk)
        let id = try await Self.start(desk, session, "sleep 20")
        let eve = Caller(id: "eve", reach: Caller.everywhere)
        for method in [Wire.Method.readCommand, .cancelCommand] {
            guard
                case .failure(let fault) = await desk.call(
                    method, ["command_id": .string(id)], as: eve)
            else {
                Issue.record("\(method)")
                continue
            }
            #expect(fault == .noCommand(id))
        }
        let list = try await Self.answer(desk, .listCommands, [:], as: eve)
        #expect(list["commands"] == [])
        #expect(await desk.fault(.readCommand, ["command_id": "\(session).9"]) != nil)
        #expect(await desk.fault(.readCommand, ["command_id": .string(session)]) != nil)
    }

    /// What runs, and the state and exit code once it is cancelled.
    static let ends: [(String, JSON)] = [
        ("sleep 30", 130),
        ("sh -c 'trap \"\" INT; echo on; sleep 30; sleep 30'", 143),
        ("sh -c 'trap \"\" INT TERM; while :; do sleep 1; done'", 137),
        ("while :; do sleep 1; done", 130),
        ("read x", 130),
    ]

    @Test(arguments: ends) @IO func `the ladder ends a command, and the session stays`(
        code: String, status: JSON
    ) async throws {
        let desk = try await Desk([])
        let session = try await Self.open(desk)
        let id = try await Self.start(desk, session, code)
        let result = try await Self.answer(desk, .cancelCommand, ["command_id": .string(id)])
        #expect(result["state"] == "cancelled" && result["exit_code"] == status, "\(result)")
        let again = try await Self.answer(desk, .cancelCommand, ["command_id": .string(id)])
        #expect(again["state"] == "cancelled")
        let next = try await Self.answer(
            desk, .runCommand, ["session_id": .string(session), "command": "echo ok", "wait_s": 10])
        #expect(next["output"] == "ok\n" && next["state"] == "done")
    }

    @Test @IO func `an end that nothing shows is not confirmed`() async throws {
        let desk = try await Desk([])
        let session = try await Self.open(desk)
        let id = try await Self.start(desk, session, "trap '' INT; while :; do :; done")
        let result = try await Self.answer(desk, .cancelCommand, ["command_id": .string(id)])
        #expect(result["state"] == "running")
        let note = try #require(result["note"]?.stringValue)
        #expect(note.contains("not confirmed") && note.contains("the shell itself"))
        _ = try await Self.answer(desk, .closeSession, ["session_id": .string(session)])
    }
}
