// subscriptions/listen: a request that lasts, and whose stream carries what has changed. Flow:
// filter → the host admits the URIs → acknowledgement → notices until the client or the server ends
// it. Invariant: the acknowledgement comes first, and every message names the request's id.
import JSON
import Loop

extension MCPServer {
    /// Serves a stream until its client leaves (the task is cancelled) or it is concluded; the
    /// result says that it ended in order.
    func listen(_ one: Ongoing, _ notify: @escaping Notify) async throws(MCPError) -> [UInt8] {
        let request = one.request
        let caller = request.caller
        guard canBeListenedTo else { throw .methodNotFound(request.method) }
        var filter = try ListenFilter(request.params, limits.subscriptions)
        try subscriptions.begin(caller.principal)
        defer { subscriptions.end(caller.principal) }
        let listener = Listener(request.id, notify)
        // Subscribed before the host is asked, so that no change in the meantime is missed.
        let wanted = filter.topics
        for topic in wanted { subscriptions.bus.add(listener, to: topic) }
        defer { for topic in wanted { subscriptions.bus.remove(listener, from: topic) } }
        let tasks = try await admit(tasks: filter.tasks, request)
        // Kept until the stream ends.
        let held = try await admit(uris: filter.uris, caller.principal)
        filter.keep(
            lists: subscriptions.announced, uris: filter.uris.filter { held[$0] != nil },
            tasks: tasks)
        let granted = Set(filter.topics)
        for topic in wanted where !granted.contains(topic) {
            subscriptions.bus.remove(listener, from: topic)
        }
        listener.acknowledge(filter)
        await listener.wait(one)
        return withExtendedLifetime(held) { result(request, ["_meta": .object(listener.meta)]) }
    }

    var canBeListenedTo: Bool {
        !subscriptions.announced.isEmpty || resources?.watch != nil
            || tasks != nil
    }

    /// What the host holds for each URI that the principal may watch.
    ///
    /// The host is asked about all of them at the same time, and a URI that it does not answer for
    /// within `limits.subscriptions.admission` is left out, as the acknowledgement waits for the
    /// answers. All of it counts as one running request.
    private func admit(
        uris: [String], _ principal: Principal
    ) async throws(MCPError) -> [String: any Sendable] {
        guard let watch = resources?.watch, !uris.isEmpty else { return [:] }
        let limit = limits.subscriptions.admission
        return try await counted(principal) { () throws(MCPError) in
            let asked = uris.map { uri in
                IO.task { () -> Admission? in
                    let answer = await IO.within(limit) { () -> Admission? in
                        guard let held = try? await watch(uri, principal) else { return nil }
                        return Admission(uri: uri, held: held)
                    }
                    return answer ?? nil
                }
            }
            var held: [String: any Sendable] = [:]
            for case let one? in await IO.values(of: asked) { held[one.uri] = one.held }
            return held
        }
    }

    /// Asks the host whether a principal may watch a resource; returns what to hold meanwhile.
    func watch(_ uri: String, _ principal: Principal) async throws(MCPError) -> any Sendable {
        guard let watch = resources?.watch else { throw .methodNotFound("resources/subscribe") }
        return try await counted(principal) { () throws(MCPError) in
            try await watch(uri, principal)
        }
    }
}

/// A URI that the host lets a principal watch.
private struct Admission: Sendable {
    let uri: String
    /// What the host holds as long as it is watched.
    let held: any Sendable
}

/// One open stream.
@IO private final class Listener: Subscriber {
    /// `_meta` of every message.
    let meta: JSON.Object
    private let notify: Notify
    private let ended = Once<Void>()
    /// The last notice of each topic that came before the acknowledgement; nil after that.
    private var early: [Topic: Notice]? = [:]

    init(_ id: RequestID, _ notify: @escaping Notify) {
        meta = [MetaKey.subscription: id.json]
        self.notify = notify
    }

    /// Says what is granted, then what of it has changed already.
    func acknowledge(_ filter: ListenFilter) {
        notify(
            Envelope.notification(
                "notifications/subscriptions/acknowledged",
                ["notifications": .object(filter.json), "_meta": .object(meta)]))
        let changed = filter.topics.compactMap { early?[$0] }
        early = nil
        for notice in changed { deliver(notice) }
    }

    func deliver(_ notice: Notice) {
        guard early == nil else {
            early?[notice.topic] = notice
            return
        }
        notify(notice.message(meta: meta))
    }

    /// Returns when the request is concluded, or its task is cancelled.
    func wait(_ one: Ongoing) async {
        one.conclude = { [ended] in ended.set(()) }
        await withTaskCancellationHandler {
            await ended.wait()
        } onCancel: {
            IO.task { self.ended.set(()) }
        }
        one.conclude = nil
    }
}
