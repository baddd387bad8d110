// Tools and a prompt that ask in one round or in several (`input_required`). The keys, names and
// texts are those that public conformance runners look for.
import JSON
import Loop
import MCP

enum RoundTools {
    static let all = [
        elicitation, sampling, roots, state("request_state"), inputs, rounds,
        state("tampered_state"), capabilities,
    ]

    /// A prompt that asks for what it is about.
    static let prompt = Prompt(
        name: "test_input_required_result_prompt", description: "A prompt that asks for context."
    ) { (call) throws(Interruption) in
        let answers = try call.ask(
            .form(
                "user_context", "What context should the prompt use?",
                [FormField("context", .text())]))
        let context = answers.content("user_context")?["context"]?.stringValue ?? "none"
        return [
            ["role": "user", "content": ["type": "text", "text": .string("Context: \(context)")]]
        ]
    }

    private static func tool(
        _ name: String, _ description: String, handler: @escaping Tool.Handler
    ) -> Tool {
        .fixture("test_input_required_result_\(name)", description, handler: handler)
    }

    /// The question that several tools ask.
    static let userName = InputRequest.form(
        "user_name", "What is your name?", [FormField("name", .text())])

    static func name(_ answers: InputResponses) -> String? {
        answers.content("user_name")?["name"]?.stringValue
    }

    private static let elicitation = tool("elicitation", "Asks for a name.") {
        (call) throws(Interruption) in
        let answers = try call.ask(userName)
        guard let name = name(answers) else { return ToolResult(text: "No name was given.") }
        return ToolResult(text: .string("Hello, \(name)!"))
    }

    private static let sampling = tool("sampling", "Has the client's model answer.") {
        (call) throws(Interruption) in
        let answers = try call.ask(
            .sampling(
                "capital_question", Sampling("What is the capital of France?", maxTokens: 100)))
        return ToolResult(text: .string(answers.text("capital_question") ?? "No answer."))
    }

    private static let roots = tool("list_roots", "Asks for the client's roots.") {
        (call) throws(Interruption) in
        let answers = try call.ask(.roots("client_roots"))
        return ToolResult(text: .string(text(of: answers.roots("client_roots"))))
    }

    private static func text(of roots: [Root]?) -> String {
        let names = (roots ?? []).map { root in
            root.name.map { "\($0) (\(root.uri))" } ?? root.uri
        }
        return "Roots: \(names.joined(separator: ", "))"
    }

    /// Two tools do this: runners send the state of the second back changed.
    private static func state(_ name: String) -> Tool {
        tool(name, "Keeps a state while it asks.") { (call) throws(Interruption) in
            let answers = try call.ask(
                .form("confirm", "Please confirm", [FormField("ok", .boolean())]),
                keeping: "state-ok", once: true)
            let state = call.kept?.stringValue ?? "no state"
            return ToolResult(text: .string("\(state): \(AskingTools.outcome(answers["confirm"]))"))
        }
    }

    private static let inputs = tool("multiple_inputs", "Asks for three things at once.") {
        (call) throws(Interruption) in
        let answers = try call.ask(
            userName, .sampling("greeting", Sampling("Generate a greeting", maxTokens: 50)),
            .roots("client_roots"))
        let greeting = answers.text("greeting") ?? "Hello"
        let roots = text(of: answers.roots("client_roots"))
        return ToolResult(text: .string("\(greeting), \(name(answers) ?? "stranger")! \(roots)"))
    }

    private static let rounds = tool("multi_round", "Asks for one thing after the other.") {
        (call) throws(Interruption) in
        let first = try call.ask(
            .form("step1", "Step 1: What is your name?", [FormField("name", .text())]))
        let second = try call.ask(
            .form(
                "step2", "Step 2: What is your favorite color?", [FormField("color", .text())]))
        let name = first.content("step1")?["name"]?.stringValue ?? "nobody"
        let color = second.content("step2")?["color"]?.stringValue ?? "none"
        return ToolResult(text: .string("Hello, \(name)! Your favorite color is \(color)."))
    }

    private static let capabilities = tool(
        "capabilities", "Asks only what the client declares."
    ) { (call) throws(Interruption) in
        var requests: [InputRequest] = []
        if call.capabilities.has(.form) { requests.append(userName) }
        if call.capabilities.has(.sampling) {
            requests.append(.sampling("greeting", Sampling("Generate a greeting", maxTokens: 50)))
        }
        if call.capabilities.has(.roots) { requests.append(.roots("client_roots")) }
        if requests.isEmpty { try call.require(.form) }
        let answers = try call.ask(all: requests)
        let kinds = requests.map(\.key).joined(separator: ", ")
        return ToolResult(text: .string("Answered: \(kinds). \(name(answers) ?? "")"))
    }
}
