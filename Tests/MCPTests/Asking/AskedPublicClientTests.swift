// The public Python clients are asked by mcp-everything: by input rounds and tasks in the modern
// era, by requests of the server in a legacy session. The negotiated version is asserted first.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite(.needs(.pythonClients))
struct `Public clients that are asked` {
    private static let cases = ["mcp", "fastmcp"].flatMap { name in
        [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")]
            .flatMap { mode, version in
                Way.Transport.allCases.map { Case(name, mode, version, $0) }
            }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name, mode, version: String
        let transport: Way.Transport

        init(_ name: String, _ mode: String, _ version: String, _ transport: Way.Transport) {
            (self.name, self.mode, self.version) = (name, mode, version)
            self.transport = transport
        }

        var testDescription: String { "\(name) \(mode) \(transport.rawValue)" }
    }

    @Test(arguments: cases)
    func `a client answers what it is asked`(one: Case) async throws {
        let program = Repository.program("mcp-everything")
        var place = program
        var server: RunningProcess?
        if one.transport == .http {
            let started = try RunningProcess(program, ["--http", "127.0.0.1:0"])
            place = try await started.line(containing: "http://")
            server = started
        }
        let python = try #require(Repository.python)
        let script = "\(Repository.root)/Tests/MCPTests/python/asked.py"
        let output = try await RunningProcess.run(python, [script, one.name, one.mode, place])
        let report = try JSON(parsing: output)
        #expect(report["version"]?.stringValue == one.version)
        let texts = report["texts"]
        #expect(texts?["test_sampling"] == "LLM response: Bonjour")
        let elicited = texts?["test_elicitation"]?.stringValue
        #expect(elicited?.hasPrefix("User response: action=accept, content={") == true)
        #expect(elicited?.contains(#""username":"ada""#) == true)
        let presets = texts?["test_elicitation_sep1034_defaults"]?.stringValue
        #expect(presets?.contains(#""name":"Ada""#) == true)
        let enums = texts?["test_elicitation_sep1330_enums"]?.stringValue
        #expect(enums?.contains(#""untitledMulti":["option1"]"#) == true)
        func text(_ round: String) -> String? {
            texts?["test_input_required_result_\(round)"]?.stringValue
        }
        #expect(text("elicitation") == "Hello, Ada!")
        #expect(text("sampling") == "Bonjour")
        #expect(text("list_roots")?.contains("file:///home") == true)
        #expect(text("request_state")?.hasPrefix("state-ok") == true)
        #expect(text("multiple_inputs")?.hasPrefix("Bonjour, Ada!") == true)
        #expect(text("multi_round") == "Hello, Ada! Your favorite color is red.")
        #expect(report["prompt"] == "Context: sea")
        #expect(
            report["seen"]?.arrayValue?.contains("Step 2: What is your favorite color?") == true)
        if one.name == "mcp", one.mode != "legacy" {
            #expect(texts?["slow_compute"] == "computation took 0.2 s")
            #expect(texts?["failing_job"] == "The job failed, as it was meant to.")
            #expect(texts?["protocol_error_job"]?.stringValue?.contains("-32603") == true)
            #expect(texts?["test_tool_with_task"] == "Hello, Ada! The task is done.")
        }
        await server?.stop()
    }
}
