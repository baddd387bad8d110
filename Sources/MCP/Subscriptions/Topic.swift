// What a client can be told of beside the answers to its requests. Flow: the host says what has
// changed → Topic → ChangeBus → those who asked for that topic. Invariant: a topic is one kind of
// notification about one thing, so notices of one topic may be merged into one.
import JSON

/// A list that a server offers, and whose changes it can tell its clients of.
public enum ListKind: String, Sendable, CaseIterable {
    /// The list of tools.
    case tools
    /// The list of prompts.
    case prompts
    /// The list of resources.
    case resources
}

/// One thing that a client can be told of.
enum Topic: Hashable, Sendable {
    /// A list has changed.
    case list(ListKind)
    /// The resource with this URI has changed.
    case resource(uri: String)
    /// The task with this id is in another state.
    case task(id: String)
}

/// One notification, before it has a receiver.
struct Notice: Sendable {
    let topic: Topic
    /// The parameters without `_meta`.
    let params: JSON.Object

    init(_ topic: Topic, _ params: JSON.Object = [:]) {
        self.topic = topic
        if case .resource(let uri) = topic {
            self.params = ["uri": .string(uri)]
        } else {
            self.params = params
        }
    }

    private var method: String {
        switch topic {
        case .list(let kind): "notifications/\(kind.rawValue)/list_changed"
        case .resource: "notifications/resources/updated"
        case .task: "notifications/tasks"
        }
    }

    /// The message, with this `_meta` if there is any.
    func message(meta: JSON.Object = [:]) -> [UInt8] {
        var params = params
        if !meta.isEmpty { params["_meta"] = .object(meta) }
        return Envelope.notification(method, params)
    }
}
