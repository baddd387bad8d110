// Names of the programs on either side. Only for display and logs; no decision depends on them.
public import JSON

/// What a server says about itself in its answers.
struct ServerIdentity: Sendable {
    let info: Implementation
    let instructions: String?
    /// `"io.modelcontextprotocol/serverInfo":{…}`, a member of every modern result's `_meta`.
    let member: [UInt8]

    init(_ info: Implementation, _ instructions: String?) {
        self.info = info
        self.instructions = instructions
        var member = Array("\"\(MetaKey.server)\":".utf8)
        info.json(in: .newest).write(into: &member)
        self.member = member
    }
}

/// The name and version of a server or client.
public struct Implementation: Sendable, Equatable {
    /// The program's name.
    public var name: String
    /// Its version.
    public var version: String
    /// The name for people.
    public var title: String?
    /// What it does, in a sentence.
    public var description: String?
    /// Its home page.
    public var websiteURL: String?
    /// Icons, as the specification's `Icon` objects.
    public var icons: [JSON]

    /// A program's name and version; the rest is for display.
    public init(
        name: String, version: String, title: String? = nil, description: String? = nil,
        websiteURL: String? = nil, icons: [JSON] = []
    ) {
        self.name = name
        self.version = version
        self.title = title
        self.description = description
        self.websiteURL = websiteURL
        self.icons = icons
    }

    /// What a client says about itself; `nil` unless it is an object with a name.
    init?(_ json: JSON?) {
        guard let json, let name = json["name"]?.stringValue else { return nil }
        self.init(
            name: name, version: json["version"]?.stringValue ?? "",
            title: json["title"]?.stringValue)
    }

    func json(in revision: Revision) -> JSON {
        var object: JSON.Object = ["name": .string(name), "version": .string(version)]
        if revision >= .v2025_06_18 { object["title"] = title.map(JSON.string) }
        if revision.hasIcons {
            object["description"] = description.map(JSON.string)
            object["websiteUrl"] = websiteURL.map(JSON.string)
            if !icons.isEmpty { object["icons"] = .array(icons) }
        }
        return .object(object)
    }
}
