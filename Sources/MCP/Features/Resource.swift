// Resources as the host offers them: listings, templates, and reading by URI. Invariant: the
// capability is advertised exactly when a server has a `Resources` value.
import JSON
import Loop

/// Something a client can read by URI.
public struct Resource: Sendable {
    /// Its URI, or its URI template (RFC 6570) when listed as a template.
    public var uri: String
    /// Its name.
    public var name: String
    /// The name for people.
    public var title: String?
    /// What it holds.
    public var description: String?
    /// Its media type.
    public var mimeType: String?
    /// Its size in bytes; not for templates.
    public var size: Int?

    /// Describes a resource or a template.
    public init(
        uri: String, name: String, title: String? = nil, description: String? = nil,
        mimeType: String? = nil, size: Int? = nil
    ) {
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.size = size
    }

    func listing(in revision: Revision, uriKey: String) -> JSON {
        var entry: JSON.Object = [uriKey: .string(uri), "name": .string(name)]
        if revision >= .v2025_06_18 { entry["title"] = title.map(JSON.string) }
        entry["description"] = description.map(JSON.string)
        entry["mimeType"] = mimeType.map(JSON.string)
        if uriKey == "uri" { entry["size"] = size.map { .int(Int64($0)) } }
        return .object(entry)
    }
}

/// One part of a resource that was read.
public struct ResourceContents: Sendable {
    /// Text, or base64 of bytes.
    public enum Body: Sendable {
        /// Text.
        case text(String)
        /// Bytes as base64.
        case base64(String)
    }

    /// The URI of this part.
    public var uri: String
    /// Its media type.
    public var mimeType: String?
    /// What was read.
    public var body: Body

    /// What was read from a URI.
    public init(uri: String, mimeType: String? = nil, body: Body) {
        self.uri = uri
        self.mimeType = mimeType
        self.body = body
    }

    var json: JSON {
        var object: JSON.Object = ["uri": .string(uri)]
        object["mimeType"] = mimeType.map(JSON.string)
        switch body {
        case .text(let text): object["text"] = .string(text)
        case .base64(let text): object["blob"] = .string(text)
        }
        return .object(object)
    }
}

/// The reading of one resource, as its handler sees it.
public struct ResourceCall: ClientCall {
    /// The resource's URI.
    public let uri: String
    /// What the call has in common with every other.
    public let context: CallContext

    /// A call; code that tests a handler makes its own.
    public init(uri: String, context: CallContext) {
        self.uri = uri
        self.context = context
    }
}

/// The resources a server offers.
public struct Resources: Sendable {
    /// What was read and how long a client may keep it.
    public struct Reading: Sendable {
        /// The parts; never empty for a resource that exists.
        public var contents: [ResourceContents]
        /// How long it stays valid.
        public var lifetime: Duration

        /// A reading that is stale at once unless a lifetime is given.
        public init(_ contents: [ResourceContents], lifetime: Duration = .zero) {
            self.contents = contents
            self.lifetime = lifetime
        }
    }

    /// The resources a principal can see, in a stable order.
    public var list: @IO @Sendable (Principal) async -> [Resource]
    /// The templates, in a stable order; `uri` holds the template.
    public var templates: [Resource]
    /// Reads one; fails with `resourceNotFound` if it does not exist or the principal may not see
    /// it.
    public typealias Reader = @IO @Sendable (ResourceCall) async throws(Interruption) -> Reading

    /// Reads one.
    public var read: Reader
    /// Admits a principal that wants to be told when a resource changes; throws
    /// `resourceNotFound` if it may not.
    ///
    /// What is returned is kept for as long as the client watches, so its release can end the
    /// host's own watch. The server calls it again for each client. `nil`: resources cannot be
    /// watched.
    public var watch: (@IO @Sendable (String, Principal) async throws(MCPError) -> any Sendable)?

    /// Offers resources.
    public init(
        templates: [Resource] = [],
        list: @escaping @IO @Sendable (Principal) async -> [Resource],
        read: @escaping Reader,
        watch: (@IO @Sendable (String, Principal) async throws(MCPError) -> any Sendable)? = nil
    ) {
        self.templates = templates
        self.list = list
        self.read = read
        self.watch = watch
    }
}
