// What a connection knows of its client, beside its state. A value.
import Loop

extension HTTPConnection {
    /// The client.
    struct Visitor {
        /// Who the last request came from.
        var name: String?
        /// Called once, when the name is known or the connection has ended.
        var onKnown: (@IO () -> Void)?
        /// The bytes of replies that it has not read.
        var unread: ByteBudget.Claim?
        /// The part of a reply that is not written yet, and whether the connection closes after it.
        var rest: ArraySlice<UInt8> = []
        var closesAfterRest = false
        /// Requests that were refused.
        var refusals = 0
        /// How often it was looked for since it has ended its input; nil before that.
        var probes: Int?
    }
}
