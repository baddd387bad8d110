// Tools that ask the client before they answer: each handler serves both eras. The names and texts
// are those that public conformance runners look for.
import JSON
import Loop
import MCP

enum AskingTools {
    static let all = [
        sampling, elicitation, presets, enums, missingCapability, streamingElicitation,
    ]

    /// A schema with required strings.
    static func schema(_ names: String...) -> JSON {
        let properties = names.map { ($0, ["type": "string"] as JSON) }
        return [
            "type": "object", "properties": .object(JSON.Object(properties)),
            "required": .array(names.map(JSON.string)), "additionalProperties": false,
        ]
    }

    /// What the user did, as `action=…, content=…`.
    static func outcome(_ response: InputResponse) -> String {
        switch response {
        case .accepted(let content): "action=accept, content=\(JSON.object(content))"
        case .declined: "action=decline, content={}"
        case .cancelled: "action=cancel, content={}"
        case .unanswered(let reason): "action=none, content={} (\(reason))"
        case .sampled, .roots: "action=none, content={}"
        }
    }

    private static let sampling = Tool.fixture(
        "test_sampling", "Has the client's model answer a prompt.", schema: schema("prompt")
    ) { (call) throws(Interruption) in
        let prompt = call.arguments["prompt"]?.stringValue ?? ""
        let answers = try call.ask(.sampling("sampling", Sampling(prompt, maxTokens: 100)))
        guard let text = answers.text("sampling") else {
            return .failure("No LLM response: \(outcome(answers["sampling"]))")
        }
        return ToolResult(text: .string("LLM response: \(text)"))
    }

    private static let elicitation = Tool.fixture(
        "test_elicitation", "Asks the user for a name and a mail address.",
        schema: schema("message")
    ) { (call) throws(Interruption) in
        let answers = try call.ask(
            .form(
                "elicitation", call.arguments["message"]?.stringValue ?? "",
                [
                    FormField("username", .text(), description: "User's response"),
                    FormField("email", .text(), description: "User's email address"),
                ]))
        return ToolResult(text: .string("User response: \(outcome(answers["elicitation"]))"))
    }

    private static let presets = Tool.fixture(
        "test_elicitation_sep1034_defaults", "Asks for values of five kinds, each with a preset."
    ) { (call) throws(Interruption) in
        let answers = try call.ask(
            .form(
                "defaults", "Please review and update the form fields with defaults",
                [
                    FormField("name", .text(preset: "John Doe"), isRequired: false),
                    FormField("age", .integer(preset: 30), isRequired: false),
                    FormField("score", .number(preset: 95.5), isRequired: false),
                    FormField(
                        "status", .choice(["active", "inactive", "pending"], preset: "active"),
                        isRequired: false),
                    FormField("verified", .boolean(preset: true), isRequired: false),
                ]))
        return ToolResult(text: .string("Elicitation completed: \(outcome(answers["defaults"]))"))
    }

    private static let enums = Tool.fixture(
        "test_elicitation_sep1330_enums", "Asks for choices in each spelling."
    ) { (call) throws(Interruption) in
        let plain: [FormChoice] = ["option1", "option2", "option3"]
        let titled = [
            FormChoice("value1", title: "First Option"),
            FormChoice("value2", title: "Second Option"),
            FormChoice("value3", title: "Third Option"),
        ]
        let named = [
            FormChoice("opt1", title: "Option One"), FormChoice("opt2", title: "Option Two"),
            FormChoice("opt3", title: "Option Three"),
        ]
        let answers = try call.ask(
            .form(
                "enums", "Please select options from the enum fields",
                [
                    FormField("untitledSingle", .choice(plain), isRequired: false),
                    FormField("titledSingle", .choice(titled), isRequired: false),
                    FormField("legacyEnum", .choice(named, isNamed: true), isRequired: false),
                    FormField("untitledMulti", .choices(plain), isRequired: false),
                    FormField("titledMulti", .choices(titled), isRequired: false),
                ]))
        return ToolResult(text: .string("Elicitation completed: \(outcome(answers["enums"]))"))
    }

    private static let missingCapability = Tool.fixture(
        "test_missing_capability", "Needs a client that declares sampling."
    ) { (call) throws(Interruption) in
        try call.require(.sampling)
        return ToolResult(text: "The client declares sampling.")
    }

    private static let streamingElicitation = Tool.fixture(
        "test_streaming_elicitation", "Reports its progress, then asks the user."
    ) { (call) throws(Interruption) in
        call.progress?.report(1, message: "about to ask")
        let answers = try call.ask(
            .form("confirmation", "Please confirm", [FormField("ok", .boolean())]))
        return ToolResult(
            text: .string("Elicitation completed: \(outcome(answers["confirmation"]))"))
    }
}
