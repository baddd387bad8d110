// The fixture's resources: text, bytes, a template, and one that clients watch.
import JSON
import Loop
import MCP

enum FixtureResources {
    static let all = Resources(
        templates: [template], list: { _ in [text, binary, watched] },
        read: { (call) throws(Interruption) in
            do throws(MCPError) { return try read(call.uri) } catch { throw .failed(error) }
        },
        watch: { (uri, _) throws(MCPError) in
            // What can be read can be watched.
            _ = try read(uri)
            return uri
        })

    private static let text = Resource(
        uri: "test://static-text", name: "static-text", description: "A text that never changes.",
        mimeType: "text/plain")
    private static let binary = Resource(
        uri: "test://static-binary", name: "static-binary",
        description: "An image that never changes.", mimeType: "image/png")
    static let watched = Resource(
        uri: "test://watched-resource", name: "watched-resource",
        description: "A text that a client can subscribe to.", mimeType: "text/plain")
    private static let template = Resource(
        uri: "test://template/{id}/data", name: "template",
        description: "The data of an id.", mimeType: "application/json")

    private static func read(_ uri: String) throws(MCPError) -> Resources.Reading {
        switch uri {
        case text.uri:
            return reading(
                text, .text("This is the content of the static text resource."))
        case binary.uri: return reading(binary, .base64(Samples.image.stringValue ?? ""))
        case watched.uri: return reading(watched, .text("This resource can change."))
        default:
            guard let id = id(in: uri) else { throw .resourceNotFound(uri: uri) }
            let data: JSON = [
                "id": .string(id), "templateTest": true, "data": .string("Data for ID: \(id)"),
            ]
            let contents = ResourceContents(
                uri: uri, mimeType: template.mimeType, body: .text(data.description))
            return Resources.Reading([contents])
        }
    }

    private static func reading(
        _ resource: Resource, _ body: ResourceContents.Body
    ) -> Resources.Reading {
        Resources.Reading([
            ResourceContents(uri: resource.uri, mimeType: resource.mimeType, body: body)
        ])
    }

    /// The id in `test://template/{id}/data`.
    private static func id(in uri: String) -> String? {
        let (head, tail) = ("test://template/", "/data")
        guard uri.hasPrefix(head), uri.hasSuffix(tail), uri.count > head.count + tail.count else {
            return nil
        }
        let id = uri.dropFirst(head.count).dropLast(tail.count)
        return id.contains("/") ? nil : String(id)
    }
}
