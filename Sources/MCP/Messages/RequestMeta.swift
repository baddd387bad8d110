// The `_meta` of a request: version and capabilities in the modern era, progress token and trace
// context in both. Flow: Message.meta → RequestMeta → Caller. Invariant: an incomplete or ill-typed
// `_meta` is refused before anything depends on it.
import JSON

enum MetaKey {
    static let version = "io.modelcontextprotocol/protocolVersion"
    static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    static let client = "io.modelcontextprotocol/clientInfo"
    static let server = "io.modelcontextprotocol/serverInfo"
    static let logLevel = "io.modelcontextprotocol/logLevel"
    static let subscription = "io.modelcontextprotocol/subscriptionId"
    static let progressToken = "progressToken"
}

/// What a modern request declares about itself.
struct ModernMeta {
    let version: String
    let capabilities: JSON.Object
    let client: Implementation?

    init(_ meta: JSON.Object?) throws(MCPError) {
        guard let meta else {
            throw .invalidParams("params._meta is missing: it carries version and capabilities")
        }
        guard let version = meta[MetaKey.version]?.stringValue else {
            throw .invalidParams("params._meta[\"\(MetaKey.version)\"] must be a string")
        }
        guard let capabilities = meta[MetaKey.capabilities]?.objectValue else {
            throw .invalidParams("params._meta[\"\(MetaKey.capabilities)\"] must be an object")
        }
        if let level = meta[MetaKey.logLevel] {
            guard let name = level.stringValue, LogLevel(rawValue: name) != nil else {
                throw .invalidParams("params._meta[\"\(MetaKey.logLevel)\"] is not a log level")
            }
        }
        self.version = version
        self.capabilities = capabilities
        client = Implementation(meta[MetaKey.client])
    }
}

/// The W3C trace context of a request, for logs.
public struct TraceContext: Sendable, Equatable {
    /// The `traceparent` value, as sent.
    public var parent: String
    /// The `tracestate` value, as sent.
    public var state: String?

    init?(_ meta: JSON.Object?) {
        guard let parent = meta?["traceparent"]?.stringValue, parent.utf8.count <= 128 else {
            return nil
        }
        self.parent = parent
        state = meta?["tracestate"]?.stringValue.flatMap { $0.utf8.count <= 512 ? $0 : nil }
    }
}
