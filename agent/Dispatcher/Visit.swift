// One call while it is served: its caller and its progress. The dispatcher makes it and passes it
// to the part. Invariant: only its part reports progress, and only while the call is served.
import Loop
import Wire

/// A call that is being served.
@IO final class Visit {
    /// Who makes the call.
    let caller: Caller
    /// The call's progress, for a client that asked for it; nil if there is nothing to show.
    var progress: (@IO () -> CallProgress)?
    /// What the call waits for before there is progress: a login that a person confirms.
    let notice = Notice()

    init(_ caller: Caller) { self.caller = caller }
}
