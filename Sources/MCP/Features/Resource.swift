// Resources as the host offers them: listings, templates, and reading by URI. Invariant: the
// capability is advertised exactly when a server has a `Resources` value.
public import JSON
import Loop

/// For whom a resource is, and how much it matters to them.
public struct ResourceAnnotations: Sendable, Equatable {
    /// Who is to see it.
    public enum Audience: String, Sendable, CaseIterable {
        /// The person at the client.
        case user
        /// The client's model.
        case assistant
    }

    /// Who is to see it.
    public var audience: Set<Audience>
    /// From 0, for something that could be left out, to 1, for what is needed.
    public var priority: Double

    /// Annotates a resource or a template.
    public init(for audience: Set<Audience>, priority: Double) {
        self.audience = audience
        self.priority = priority
    }

    var json: JSON {
        let names = Audience.allCases.filter(audience.contains).map { JSON.string($0.rawValue) }
        return ["audience": .array(names), "priority": .double(priority)]
    }
}

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
    /// For whom it is.
    public var annotations: ResourceAnnotations?

    /// Describes a resource or a template.
    public init(
        uri: String, name: String, title: String? = nil, description: String? = nil,
        mimeType: String? = nil, size: Int? = nil, annotations: ResourceAnnotations? = nil
    ) {
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.size = size
        self.annotations = annotations
    }

    func listing(in revision: Revision, uriKey: String) -> JSON {
        var entry: JSON.Object = [uriKey: .string(uri), "name": .string(name)]
        if revision >= .v2025_06_18 { entry["title"] = title.map(JSON.string) }
        entry["description"] = description.map(JSON.string)
        entry["mimeType"] = mimeType.map(JSON.string)
        if uriKey == "uri" { entry["size"] = size.map { .int(Int64($0)) } }
        entry["annotations"] = annotations?.json
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
    /// `_meta` of this part.
    public var meta: JSON.Object

    /// What was read from a URI.
    public init(uri: String, mimeType: String? = nil, body: Body, meta: JSON.Object = [:]) {
        self.uri = uri
        self.mimeType = mimeType
        self.body = body
        self.meta = meta
    }

    /// The part as `resources/read` gives it, and as a message of a prompt embeds it.
    public func json(in revision: Revision) -> JSON {
        var object: JSON.Object = ["uri": .string(uri)]
        object["mimeType"] = mimeType.map(JSON.string)
        switch body {
        case .text(let text): object["text"] = .string(text)
        case .base64(let text): object["blob"] = .string(text)
        }
        if revision >= .v2025_06_18, !meta.isEmpty { object["_meta"] = .object(meta) }
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
    /// host's own watch. The server calls it again for each client.
    public typealias Watcher =
        @IO @Sendable (String, Principal) async throws(MCPError) -> any Sendable

    /// Admits a principal that wants to watch; `nil`: resources cannot be watched.
    public var watch: Watcher?

    /// Offers resources.
    public init(
        templates: [Resource] = [],
        list: @escaping @IO @Sendable (Principal) async -> [Resource],
        read: @escaping Reader,
        watch: Watcher? = nil
    ) {
        self.templates = templates
        self.list = list
        self.read = read
        self.watch = watch
    }
}
