// What a `subscriptions/listen` request asks for, and what it is granted. Pure, but for the host's
// answer about each URI. Invariant: the granted filter is a subset of the one that was sent.
import JSON
import Loop

struct ListenFilter: Sendable {
    private(set) var lists: [ListKind] = []
    private(set) var uris: [String] = []
    private(set) var tasks: [String] = []

    /// Reads `params.notifications`; kinds that are not known are left out.
    init(_ params: Params, _ limits: MCPLimits.Subscriptions) throws(MCPError) {
        guard let filter = try params.object("notifications") else {
            throw .invalidParams("params.notifications must be an object")
        }
        for kind in ListKind.allCases {
            let key = Self.key(kind)
            guard let value = filter[key], !value.isNull else { continue }
            guard let isWanted = value.boolValue else {
                throw .invalidParams("params.notifications.\(key) must be true or false")
            }
            if isWanted { lists.append(kind) }
        }
        uris = try Self.strings(filter, "resourceSubscriptions", limits)
        tasks = try Self.strings(filter, "taskIds", limits)
    }

    private static func key(_ kind: ListKind) -> String { "\(kind.rawValue)ListChanged" }

    private static func strings(
        _ filter: JSON.Object, _ key: String, _ limits: MCPLimits.Subscriptions
    ) throws(MCPError) -> [String] {
        guard let value = filter[key], !value.isNull else { return [] }
        guard let all = value.arrayValue else {
            throw .invalidParams("params.notifications.\(key) must be a list of strings")
        }
        guard all.count <= limits.uris else {
            throw .invalidParams("params.notifications.\(key) has more than \(limits.uris) entries")
        }
        var strings: [String] = []
        for one in all {
            guard let text = one.stringValue else {
                throw .invalidParams("params.notifications.\(key) must be a list of strings")
            }
            if !strings.contains(text) { strings.append(text) }
        }
        return strings
    }

    /// Leaves what the server offers.
    mutating func keep(lists: Set<ListKind>, uris: [String], tasks: [String]) {
        self.lists = self.lists.filter { lists.contains($0) }
        self.uris = uris
        self.tasks = tasks
    }

    var topics: [Topic] {
        lists.map { .list($0) } + uris.map { .resource(uri: $0) } + tasks.map { .task(id: $0) }
    }

    /// The filter in the acknowledgement: only what is granted.
    var json: JSON.Object {
        var object: JSON.Object = [:]
        for kind in lists { object[Self.key(kind)] = true }
        if !uris.isEmpty { object["resourceSubscriptions"] = .array(uris.map(JSON.string)) }
        if !tasks.isEmpty { object["taskIds"] = .array(tasks.map(JSON.string)) }
        return object
    }
}
