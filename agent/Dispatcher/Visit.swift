// One call while it is served: its caller and its progress. The dispatcher makes it and passes it
// to the part. Invariant: only its part reports progress, and only while the call is served.
import Loop
import Tunnel
import Wire

/// A call that is being served.
@IO final class Visit {
    /// Who makes the call.
    let caller: Caller
    /// The call's progress, for a client that asked for it; nil if there is nothing to show.
    var progress: (@IO () -> CallProgress)?
    private var delivery: [@IO () -> Void] = []
    /// How long the caller waits for output.
    let patience = Patience()
    /// What the call waits for before there is progress: a login that a person confirms.
    let notice = Notice()

    /// The tunnel that the call came over; nil if that has ended.
    private(set) weak var tunnel: Tunnel?

    init(_ caller: Caller, over tunnel: Tunnel? = nil) {
        (self.caller, self.tunnel) = (caller, tunnel)
    }

    /// Has something done once the caller gets the answer, which may be lost with its tunnel.
    func onDelivery(_ body: @escaping @IO () -> Void) { delivery.append(body) }

    /// The caller gets the answer.
    func delivered() {
        for body in delivery { body() }
        delivery = []
    }
}
