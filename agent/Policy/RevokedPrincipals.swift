// The principals whose tokens the relay's operator has revoked while this process runs. The
// dispatcher refuses their calls; what they were opening or starting is ended when it is there.
// Invariant: ids are never reused, so an id in here needs no end.
import Loop
import Wire

/// Revoked principals, by id.
@IO final class RevokedPrincipals {
    /// The most ids kept, so that a relay cannot make this set grow without bound: the oldest are
    /// forgotten, whose calls the relay refuses anyway.
    private static let limit = 10_000

    private var ids: Set<String> = []
    private var order: [String] = []

    /// Adds a principal.
    func add(_ id: String) {
        guard ids.insert(id).inserted else { return }
        order.append(id)
        if order.count > Self.limit { ids.remove(order.removeFirst()) }
    }

    /// Throws if the principal with this id was revoked.
    func check(_ id: String) throws(Fault) {
        guard ids.contains(id) else { return }
        throw Fault(
            .refusedByPolicy, "this token was revoked: ask the relay's operator for a new one")
    }
}
