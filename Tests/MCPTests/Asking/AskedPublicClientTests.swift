// The public Python clients are asked by mcp-everything: by input rounds and tasks in the modern
// era, by requests of the server in a legacy session. The negotiated version is asserted first.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite(.needs(.pythonClients), .serialized)
struct `Public clients that are asked` {
    /// One process for all cases of a client: to load it takes longer than a case.
    @Test(arguments: ["mcp", "fastmcp"])
    func `a client answers what it is asked`(name: String) async throws {
        let program = Repository.program("mcp-everything")
        let server = try RunningProcess(program, ["--http", "127.0.0.1:0"])
        let url = try await server.line(containing: "http://")
        let python = try #require(Repository.python)
        let script = "\(Repository.root)/Tests/MCPTests/python/asked.py"
        let output = try await RunningProcess.run(python, [script, name, url, program])
        let reports = try output.split(separator: "\n").map { try JSON(parsing: String($0)) }
        let modes = ["auto", "2026-07-28", "legacy"]
        let cases = ["http", "stdio"].flatMap { way in modes.map { JSON.string("\($0) \(way)") } }
        #expect(
            reports.map { report in
                let words = report["case"]?.arrayValue?.compactMap(\.stringValue) ?? []
                return .string(words.joined(separator: " "))
            } == cases)
        for report in reports { check(report, of: name) }
        await server.stop()
    }

    private func check(_ report: JSON, of name: String) {
        let (mode, texts) = (report["case"]?[0]?.stringValue, report["texts"])
        let version: JSON = mode == "legacy" ? "2025-11-25" : "2026-07-28"
        #expect(report["version"] == version)
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
        let question: JSON = "Step 2: What is your favorite color?"
        #expect(report["seen"]?.arrayValue?.contains(question) == true)
        // `fastmcp` has the tasks extension in a package of its own.
        guard name == "mcp", mode != "legacy" else { return }
        #expect(texts?["slow_compute"] == "computation took 0.2 s")
        #expect(texts?["failing_job"] == "The job failed, as it was meant to.")
        #expect(texts?["protocol_error_job"]?.stringValue?.contains("-32603") == true)
        #expect(texts?["test_tool_with_task"] == "Hello, Ada! The task is done.")
    }
}
