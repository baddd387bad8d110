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

    /// What a refusal below the handler says.
    static func refusal(_ status: Int) -> (line: String, headers: HTTPHeaders) {
        var line = "\(status) \(reason(of: status))"
        var headers: HTTPHeaders = ["Content-Type": "text/plain"]
        if status == 405 { headers["Allow"] = HTTPServer.methods.joined(separator: ", ") }
        if status == 503 {
            headers["Retry-After"] = "1"
            line +=
                ": requests that are being answered fill the memory for bodies; try again when"
                + " some of them are answered"
        }
        return (line, headers)
    }
}
