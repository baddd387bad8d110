// Tools whose results show each kind of content, an error and progress. The names and texts are
// those that public conformance runners look for.
import JSON
import Loop
import MCP

enum ContentTools {
    static let all = [
        text, image, audio, embedded, mixed, failing, progress, JSONSchemaTool.tool,
    ]

    private static let text = Tool.fixture("test_simple_text", "Returns a text.") { _ in
        ToolResult(text: "This is a simple text response for testing.")
    }

    private static let image = Tool.fixture("test_image_content", "Returns an image.") { _ in
        ToolResult(content: [Samples.imageBlock])
    }

    private static let audio = Tool.fixture("test_audio_content", "Returns a sound.") { _ in
        ToolResult(content: [["type": "audio", "data": Samples.audio, "mimeType": "audio/wav"]])
    }

    private static let embedded = Tool.fixture(
        "test_embedded_resource", "Returns a resource within the result."
    ) { _ in
        ToolResult(content: [
            [
                "type": "resource",
                "resource": [
                    "uri": "test://embedded-resource", "mimeType": "text/plain",
                    "text": "This is an embedded resource content.",
                ],
            ]
        ])
    }

    private static let mixed = Tool.fixture(
        "test_multiple_content_types", "Returns a text, an image and a resource."
    ) { _ in
        ToolResult(
            text: "Multiple content types test:",
            content: [
                Samples.imageBlock,
                [
                    "type": "resource",
                    "resource": [
                        "uri": "test://mixed-content-resource", "mimeType": "application/json",
                        "text": "{\"test\":\"data\",\"value\":123}",
                    ],
                ],
            ])
    }

    private static let failing = Tool.fixture("test_error_handling", "Fails.") { _ in
        .failure("This tool intentionally returns an error for testing")
    }

    private static let progress = Tool.fixture(
        "test_tool_with_progress", "Reports its progress in three steps."
    ) { call in
        for step in [0.0, 50, 100] {
            call.progress?.report(
                step, total: 100, message: "Completed step \(Int(step)) of 100")
            // After the last step, too: the TypeScript client drops a report that comes together
            // with the result.
            try? await IO.sleep(for: .milliseconds(50))
        }
        return ToolResult(text: "Progress test completed.")
    }
}
