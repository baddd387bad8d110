// The fixture's prompts and the completion of their arguments.
import JSON
import Loop
import MCP

enum FixturePrompts {
    static let all = [simple, withArguments, withResource, withImage]

    /// Completes both arguments of `test_prompt_with_arguments`, and the template's id.
    static let complete: Completion = { question in
        let known: [String]
        switch (question.reference, question.argument) {
        case (.prompt("test_prompt_with_arguments"), "arg1"):
            known = ["test", "testing", "hello", "paris", "party"]
        case (.prompt("test_prompt_with_arguments"), "arg2"): known = ["world", "work", "value"]
        case (.resource("test://template/{id}/data"), "id"): known = ["123", "124", "456"]
        default: known = []
        }
        return known.filter { $0.hasPrefix(question.value) }
    }

    private static func message(_ content: JSON) -> JSON { ["role": "user", "content": content] }

    private static func message(text: String) -> JSON {
        message(["type": "text", "text": .string(text)])
    }

    private static let simple = Prompt(
        name: "test_simple_prompt", description: "A prompt without arguments."
    ) { _ in
        [message(text: "This is a simple prompt for testing.")]
    }

    private static let withArguments = Prompt(
        name: "test_prompt_with_arguments", description: "A prompt with two arguments.",
        arguments: [
            .init(name: "arg1", description: "The first argument", isRequired: true),
            .init(name: "arg2", description: "The second argument", isRequired: true),
        ]
    ) { call in
        let (one, two) = (call.arguments["arg1"] ?? "", call.arguments["arg2"] ?? "")
        return [message(text: "Prompt with arguments: arg1='\(one)', arg2='\(two)'")]
    }

    private static let withResource = Prompt(
        name: "test_prompt_with_embedded_resource", description: "A prompt with a resource in it.",
        arguments: [
            .init(name: "resourceUri", description: "The resource's URI", isRequired: true)
        ]
    ) { call in
        [
            message([
                "type": "resource",
                "resource": [
                    "uri": .string(call.arguments["resourceUri"] ?? ""), "mimeType": "text/plain",
                    "text": "Embedded resource content for testing.",
                ],
            ]),
            message(text: "Please process the embedded resource above."),
        ]
    }

    private static let withImage = Prompt(
        name: "test_prompt_with_image", description: "A prompt with an image in it."
    ) { _ in
        [message(Samples.imageBlock), message(text: "Please analyze the image above.")]
    }
}
