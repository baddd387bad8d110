// What §3.3 of the reference wants of servers that ask their clients, in every revision that has
// it, over HTTP and stdio, against mcp-everything.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Asking scenarios` {
    private static let everything: JSON.Object = [
        "elicitation": [:], "sampling": [:], "roots": [:],
    ]

    private static func sampled(_ text: String) -> JSON {
        ["role": "assistant", "model": "m", "content": ["type": "text", "text": .string(text)]]
    }

    @Test(arguments: Way.since(.v2025_03_26))
    @IO func `sampling: the model's text is in the result`(way: Way) async throws {
        let client = try await AskedClient(way, Self.everything)
        let reply = try await client.converse("test_sampling", ["prompt": "Hi?"]) {
            method, params in
            #expect(method == "sampling/createMessage" && params["maxTokens"] == 100)
            #expect(params["messages"]?[0]?["content"]?["text"] == "Hi?")
            return Self.sampled("Ha.")
        }
        #expect(reply.text == "LLM response: Ha.")
        #expect(client.asked.count == 1)
        #expect(await client.hasTakenResponses())
    }

    @Test(arguments: Way.since(.v2025_06_18))
    @IO func `elicitation: action and content are in the result`(way: Way) async throws {
        let client = try await AskedClient(way, Self.everything)
        let content: JSON = ["username": "ada", "email": "ada@example.org"]
        let reply = try await client.converse("test_elicitation", ["message": "Who?"]) {
            method, params in
            #expect(method == "elicitation/create" && params["message"] == "Who?")
            #expect(params["mode"] == (way.revision >= .v2025_11_25 ? "form" : nil))
            #expect(params["requestedSchema"]?["required"] == ["username", "email"])
            return ["action": "accept", "content": content]
        }
        #expect(reply.text == "User response: action=accept, content=\(content)")
        for action in ["decline", "cancel"] {
            let reply = try await client.converse("test_elicitation", ["message": "Who?"]) { _, _ in
                ["action": .string(action)]
            }
            #expect(reply.text == "User response: action=\(action), content={}")
        }
    }

    @Test(arguments: Way.since(.v2025_06_18))
    @IO func `elicitation: presets of five kinds, enums in five forms`(way: Way) async throws {
        let client = try await AskedClient(way, Self.everything)
        let isFull = way.revision >= .v2025_11_25
        _ = try await client.converse("test_elicitation_sep1034_defaults") { _, params in
            let fields = params["requestedSchema"]?["properties"]
            #expect(fields?["name"]?["default"] == (isFull ? "John Doe" : nil))
            #expect(fields?["age"]?["default"] == (isFull ? 30 : nil))
            #expect(fields?["score"]?["default"] == (isFull ? 95.5 : nil))
            #expect(fields?["status"]?["default"] == (isFull ? "active" : nil))
            #expect(fields?["status"]?["enum"] == ["active", "inactive", "pending"])
            #expect(fields?["verified"]?["default"] == true)
            return ["action": "accept", "content": ["score": 1.5]]
        }
        let reply = try await client.converse("test_elicitation_sep1330_enums") { _, params in
            let fields = params["requestedSchema"]?["properties"]
            #expect(fields?["untitledSingle"]?["enum"] == ["option1", "option2", "option3"])
            #expect(fields?["legacyEnum"]?["enumNames"]?[0] == "Option One")
            let titled: JSON = ["const": "value1", "title": "First Option"]
            let (one, many) = (fields?["titledSingle"], fields?["titledMulti"])
            #expect(one?["oneOf"]?[0] == (isFull ? .some(titled) : .none))
            #expect((fields?["untitledMulti"]?["items"]?["enum"] != nil) == isFull)
            #expect(many?["items"]?["anyOf"]?[0] == (isFull ? .some(titled) : .none))
            let chosen: JSON = isFull ? ["option1", "option3"] : "option1, option3"
            return ["action": "accept", "content": ["untitledMulti": chosen]]
        }
        #expect(reply.text?.contains(#"{"untitledMulti":["option1","option3"]}"#) == true)
    }

    @Test(arguments: Way.since(.v2025_03_26))
    @IO func `nothing is asked that was not declared`(way: Way) async throws {
        let client = try await AskedClient(way, [:])
        for tool in ["test_missing_capability", "test_sampling", "test_elicitation"] {
            let arguments: JSON.Object =
                switch tool {
                case "test_sampling": ["prompt": "x"]
                case "test_elicitation": ["message": "x"]
                default: [:]
                }
            let reply = try await client.call(tool, arguments)
            guard way.revision.isModern else {
                #expect(reply.result?["isError"] == true, "\(tool)")
                continue
            }
            #expect(reply.code == -32021)
            if way.transport == .http { #expect(reply.status == 400) }
            let needs: JSON = tool == "test_elicitation" ? ["elicitation": [:]] : ["sampling": [:]]
            #expect(reply.message["error"]?["data"]?["requiredCapabilities"] == needs)
        }
        #expect(client.asked.isEmpty)
    }

    @Test(arguments: Way.since(.v2025_06_18))
    @IO func `several rounds, three kinds, roots and a state`(way: Way) async throws {
        let client = try await AskedClient(way, Self.everything)
        @IO func ask(_ tool: String) async throws -> String? {
            let name = "test_input_required_result_\(tool)"
            return try await client.converse(name) { method, params in
                switch method {
                case "sampling/createMessage": return Self.sampled("Bonjour")
                case "roots/list": return ["roots": [["uri": "file:///home", "name": "home"]]]
                default:
                    let fields = params["requestedSchema"]?["properties"]?.objectValue?.keys ?? []
                    let values: JSON.Object = ["name": "Ada", "color": "red", "ok": true]
                    let content = values.filter { fields.contains($0.key) }
                    return [
                        "action": "accept",
                        "content": .object(JSON.Object(content.map { ($0.key, $0.value) })),
                    ]
                }
            }.text
        }
        #expect(try await ask("elicitation") == "Hello, Ada!")
        #expect(try await ask("sampling") == "Bonjour")
        #expect(try await ask("list_roots") == "Roots: home (file:///home)")
        #expect(try await ask("request_state")?.hasPrefix("state-ok: action=accept") == true)
        let all = "Bonjour, Ada! Roots: home (file:///home)"
        #expect(try await ask("multiple_inputs") == all)
        #expect(
            try await ask("multi_round") == "Hello, Ada! Your favorite color is red.")
        #expect(
            try await ask("capabilities") == "Answered: user_name, greeting, client_roots. Ada")
        #expect(client.asked.count == 12)
    }

    @Test(arguments: Way.since(.v2025_06_18, through: .v2025_11_25))
    @IO func `an error, and an answer that never fits, end the call`(way: Way) async throws {
        let client = try await AskedClient(way, Self.everything)
        let failed = try await client.converse("test_sampling", ["prompt": "x"]) { _, _ in
            ["code": -1, "message": "not now"]
        }
        #expect(failed.text?.contains("the client failed: not now") == true)
        let unfit = try await client.converse("test_elicitation", ["message": "x"]) { _, _ in
            ["action": "accept", "content": ["username": 7]]
        }
        #expect(unfit.code == -32602)
        let again = client.asked.last?["params"]?["message"]?.stringValue
        #expect(again == "x (The last answer did not fit: username must be a text.)")
        let malformed = try await client.converse("test_elicitation", ["message": "x"]) { _, _ in
            ["action": "perhaps"]
        }
        #expect(malformed.code == -32602)
    }
}
