// What a token's pattern lets its holder see and use, through the tools themselves.
import Crypto
import JSON
import Loop
import MCP
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct RouterTests {
    private func names(_ result: ToolResult, _ list: String, _ member: String) -> [String] {
        let structured = result.structured.flatMap { try? RawJSON($0).parsed() }
        return structured?[list]?.arrayValue?.compactMap { $0[member]?.stringValue } ?? []
    }

    @Test @IO func `a token sees its own agents alone`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        #expect(
            names(try await office.call("agent_list", [:], as: all), "agents", "agent")
                == ["lab-1", "lab-2", "vault"])
        for pattern in ["lab-*", "tag:lab", "lab-1,lab-2/db"] {
            let principal = try office.principal(pattern)
            #expect(
                names(try await office.call("agent_list", [:], as: principal), "agents", "agent")
                    == ["lab-1", "lab-2"], "\(pattern)")
        }
        #expect(
            names(
                try await office.call("ssh_session_list", [:], as: office.principal("vault")),
                "sessions", "session_id") == [(office.ids["vault"] ?? "") + ".s"])
        office.house.close()
    }

    @Test @IO func `an agent that a token may not see is as unknown as none`() async throws {
        let office = try await Office()
        let lab = try office.principal("lab-*")
        let id = try #require(office.ids["vault"])
        for (tool, arguments) in [
            ("ssh_session_open", ["target": "vault/local"]),
            ("ssh_execute", ["target": "vault/local", "command": "id"]),
            ("agent_describe", ["agent": "vault"]), ("target_list", ["agent": "vault"]),
            ("ssh_session_list", ["agent": "vault"]), ("ssh_session_list", ["target": "vault/db"]),
        ] as [(String, JSON.Object)] {
            let text = try await office.failure(tool, arguments, as: lab)
            #expect(text?.contains("no agent \"vault\"") == true, "\(tool): \(text ?? "")")
        }
        // Nor is it suggested to one who mistypes.
        let near = try await office.failure("agent_describe", ["agent": "vaul"], as: lab)
        #expect(near?.contains("\"vault\"") == false, "\(near ?? "")")
        let handle: JSON.Object = ["session_id": .string("\(id).x"), "command": "id"]
        let session = try await office.failure("ssh_session_command", handle, as: lab)
        #expect(session?.contains("no session") == true, "\(session ?? "")")
        #expect(session?.contains("vault") == false)
        #expect(office.calls.isEmpty)
        office.house.close()
    }

    @Test @IO func `a target that a token may not use is refused before the agent is asked`()
        async throws
    {
        let office = try await Office()
        let web = try office.principal("lab-1/web,lab-2")
        for (target, more) in [
            ("lab-1/db", [:]), ("lab-1/local", [:]), ("lab-1/web@db", [:]),
            ("lab-1/web@db:22", [:]),
            ("lab-1/web", ["via": ["db"]]), ("lab-1/web", ["via": ["web", "root@db"]]),
            ("lab-1/web@db", ["username": "web"]), ("lab-1/127.0.0.1", ["port": 22]),
        ] as [(String, JSON.Object)] {
            for tool in ["ssh_session_open", "ssh_execute", "file_read"] {
                var arguments = more
                arguments["target"] = .string(target)
                if tool == "ssh_execute" { arguments["command"] = "id" }
                if tool == "file_read" { arguments["path"] = "/x" }
                let text = try await office.failure(tool, arguments, as: web)
                #expect(text?.contains("may not use \(target)") == true, "\(text ?? "")")
            }
        }
        #expect(office.calls.isEmpty)
        #expect(
            try await office.call("ssh_session_open", ["target": "lab-1/web"], as: web).isError
                == false)
        #expect(office.calls.map(\.agent) == ["lab-1"])
        // What it may not use it is not shown; the agent itself may be described.
        let shown = try await office.call("target_list", [:], as: web)
        #expect(names(shown, "targets", "target") == ["lab-1/web", "lab-2/db", "lab-2/web"])
        let one = try await office.call("target_list", ["agent": "lab-1"], as: web)
        #expect(names(one, "targets", "target") == ["lab-1/web"])
        #expect(try await office.failure("agent_describe", ["agent": "lab-1"], as: web) == nil)
        #expect(try await office.failure("ssh_session_list", ["agent": "lab-1"], as: web) == nil)
        office.house.close()
    }

    @Test @IO func `one target that is refused does not stop the others`() async throws {
        let office = try await Office()
        let lab = try office.principal("lab-*")
        let result = try await office.call(
            "ssh_execute", ["targets": ["lab-1/db", "vault/db", "lab-2/db"], "command": "id"],
            as: lab)
        let report = try RawJSON(try #require(result.structured)).parsed()
        let results = report["results"]?.arrayValue ?? []
        #expect(results.map { $0["target"] } == ["lab-1/db", "vault/db"])
        #expect(results[0]["also"]?["lab-2/db"] != nil && results[0]["error"] == nil)
        #expect(results[1]["error"]?.stringValue?.contains("vault") == true)
        #expect(Set(office.calls.map(\.agent)) == ["lab-1", "lab-2"])
        office.house.close()
    }

    @Test @IO func `an unknown agent names the nearest, and a text that is no target is told`()
        async throws
    {
        let office = try await Office()
        let all = try office.principal("*")
        let near = try await office.failure("ssh_session_open", ["target": "valt/db"], as: all)
        #expect(near?.contains("did you mean \"vault\"?") == true, "\(near ?? "")")
        for text in ["", "vault", "/db", "vault/", "/"] {
            let wrong = try await office.failure(
                "ssh_session_open", ["target": .string(text)], as: all)
            #expect(wrong?.contains("agent/host") == true, "\(text): \(wrong ?? "")")
        }
        office.house.close()
    }

    @Test @IO func `the agent receives the caller and the arguments`() async throws {
        let office = try await Office()
        let arguments: JSON = ["target": "lab-1/db", "term": ["cols": 100]]
        let principal = router(office, try office.principal("*", [.admin]))
        let handler = try #require(
            Tools(office.router, beside: office.house.store, in: "/none").all.first {
                $0.name == "ssh_session_open"
            }?.handler)
        _ = try await handler(
            ToolCall(
                name: "ssh_session_open", arguments: try #require(arguments.objectValue),
                principal: principal, rawArguments: RawJSON(arguments)))
        let call = try #require(office.calls.first)
        #expect(call.request.arguments == arguments)
        #expect(call.request.caller == Caller(id: "*", label: "n", isAdmin: true, reach: ["*"]))
        office.house.close()
    }

    @Test @IO func `a wrong id is answered with advice about what it names`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        for id in ["x", "x.y", ""] {
            let session = try await office.failure(
                "ssh_session_read", ["session_id": .string(id)], as: all)
            #expect(
                session?.contains("no session") == true
                    && session?.contains("ssh_session_list") == true)
            for tool in ["ssh_command_output", "ssh_command_cancel"] {
                let command = try await office.failure(tool, ["command_id": .string(id)], as: all)
                #expect(command?.contains("no command") == true, "\(command ?? "")")
                #expect(command?.contains("ssh_command_list") == true)
                #expect(command?.contains("session") == false)
            }
        }
        #expect(office.calls.isEmpty)
        office.house.close()
    }

    @Test @IO func `the door asks for the scopes, whoever makes the call`() async throws {
        let office = try await Office()
        let reader = try office.principal("*", [.sessionsRead])
        let member = try office.router.member(named: "lab-1", reader)
        for method in Wire.Method.allCases {
            guard let tool = method.row.tool, !reader.holds(tool.scopes) else { continue }
            await #expect(throws: Fault.self, "\(method)") {
                _ = try await office.router.send(AgentCall(method, for: reader), to: member)
            }
        }
        #expect(office.calls.isEmpty)
        let stranger = try office.principal("lab-2", [.admin])
        await #expect(throws: Fault.self) {
            _ = try await office.router.send(AgentCall(.describe, for: stranger), to: member)
        }
        let narrow = try office.principal("lab-1/web", [.admin])
        await #expect(throws: Fault.self) {
            let call = AgentCall(
                .execute, ["target": "lab-1/db", "command": "id"], for: narrow)
            _ = try await office.router.send(call, to: member)
        }
        #expect(office.calls.isEmpty)
        office.house.close()
    }

    @Test @IO func `arguments that one agent finds wrong are wrong for all`() async throws {
        let office = try await Office()
        for agent in office.agents.values {
            agent.serve = { _ in
                Reply.fault(Fault(.invalidArgument, "give either \"session_id\" or \"all\""))
                    .encoded()
            }
        }
        let text = try await office.failure("ssh_session_close", [:], as: office.principal("*"))
        #expect(text?.contains("give either") == true)
        office.house.close()
    }

    @Test(arguments: [
        ("*", ["*"]), ("lab-*", ["*"]), ("lab-1/db", ["db"]),
        ("lab-1/db,tag:lab/web-?,lab-2/x,vault", ["db", "web-?"]), ("lab-1/db,lab-*", ["*"]),
    ])
    @IO func `the agent gets what the token may reach on it`(
        pattern: String, reach: [String]
    ) async throws {
        let office = try await Office()
        let id = try #require(office.ids["lab-1"])
        let principal = try office.principal(pattern)
        for (tool, more) in [
            ("ssh_session_command", ["session_id": .string("\(id).s"), "command": "id"]),
            ("ssh_session_read", ["session_id": .string("\(id).s")]),
            ("ssh_session_open", ["reopen": .string("\(id).s")]),
            ("ssh_session_close", ["session_id": .string("\(id).s")]),
            ("ssh_command_cancel", ["command_id": .string("\(id).c")]),
            ("ssh_session_list", ["agent": "lab-1"]), ("ssh_command_list", ["agent": "lab-1"]),
        ] as [(String, JSON.Object)] {
            office.calls = []
            _ = try await office.call(tool, more, as: principal)
            #expect(office.calls.map(\.request.caller.reach) == [reach], "\(tool)")
            #expect(office.calls.map(\.request.caller.id) == [pattern], "\(tool)")
        }
        office.house.close()
    }

    @IO private func router(
        _ office: Office, _ principal: homeline_relay.Principal
    ) -> MCP.Principal { office.router.introduce(principal) }
}
