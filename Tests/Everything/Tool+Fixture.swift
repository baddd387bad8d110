// How the fixture declares its tools: most differ only in name, description and handler.
import JSON
import MCP

extension Tool {
    /// The schema of a tool without arguments.
    static let noArguments: JSON = ["type": "object", "additionalProperties": false]

    /// A tool that harms nothing; without `schema` it takes no arguments.
    static func fixture(
        _ name: String, _ description: String, schema: JSON = Tool.noArguments,
        handler: @escaping Handler
    ) -> Tool {
        Tool(
            name: name, title: name.split(separator: "_").joined(separator: " "),
            description: description, inputSchema: schema,
            annotations: ToolAnnotations(
                readOnly: true, destructive: false, idempotent: true, openWorld: false),
            handler: handler)
    }
}

/// The small files that results carry.
enum Samples {
    /// A red pixel, as base64 of image/png.
    static let image: JSON = .string(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSu"
            + "QmCC")
    /// Four samples at 8 kHz, as base64 of audio/wav.
    static let audio: JSON = .string(
        "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgAAAAAAAAgAAAA4A==")

    /// A content block with the image.
    static let imageBlock: JSON = ["type": "image", "data": image, "mimeType": "image/png"]
}
