// A full-screen program through relay, tunnel, agent and a real sshd: its screen, keys and size.
import JSON
import Support
import Testing

@Suite struct ScreenTests {
    @Test func `a screen is seen, keys reach it, another size too`() async throws {
        let session = try await Place.shared.value.open("bash")
        try await session.run("seq 1 200 > /tmp/\(session.id)")
        let updated = try await session.update(["cols": 80, "rows": 12, "name": "pages"])
        #expect(updated["cols"] == 80 && updated["rows"] == 12 && updated["name"] == "pages")
        let begun = try await session.run("less /tmp/\(session.id); rm /tmp/\(session.id)")
        #expect(begun.state == "fullscreen", "\(begun)")
        func rows(_ isRight: ([String]) -> Bool) async throws -> JSON? {
            try await eventually {
                let read = try await session.read(view: "screen", maximum: 20000)
                let rows = read["screen"]?["rows"]?.arrayValue?.compactMap(\.stringValue) ?? []
                return isRight(rows) ? read["screen"] : nil
            }
        }
        let first = try #require(await rows { $0.first == "1" && $0.count == 12 })
        #expect(first["alternate"] == true && first["cols"] == 80 && first["rows_count"] == 12)
        try await session.press("page-down")
        #expect(try await rows { $0.first == "12" } != nil)
        _ = try await session.update(["rows": 20])
        #expect(try await rows { $0.count == 20 && $0.contains("30") } != nil)
        let over = try await session.press("q", wait: 10)
        #expect(over.state == "done", "\(over)")
        #expect(try await session.run("stty size").output == "20 80\n")
        let refused = try await session.caller.call(
            "ssh_session_update", ["session_id": .string(session.id), "cols": 5])
        #expect(refused["isError"] == true)
        try await session.close()
    }
}

extension OpenSession {
    /// Changes the session; gives it as it is then.
    func update(_ changes: JSON.Object) async throws -> JSON {
        var arguments = changes
        arguments["session_id"] = .string(id)
        return try await caller.structured("ssh_session_update", .object(arguments))
    }
}
