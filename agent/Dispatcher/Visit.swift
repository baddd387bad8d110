// One call while it is served: who makes it, and how far it is. Made by the dispatcher, handed to the
// part. Invariant: only its part says how far it is, and only while it is served.
import Loop
import Wire

/// A call that is being served.
@IO final class Visit {
    /// Who makes the call.
    let caller: Caller
    /// How far the call is, for a client that wants to see it; nil: it has nothing to show.
    var progress: (@IO () -> CallProgress)?

    init(_ caller: Caller) { self.caller = caller }
}
