// Why a handler ends without a result of its own. Flow: `ask`, `require` and handlers throw it; the
// server sends a request for input, or an error. Invariant: a handler that was interrupted to ask
// runs again from its start once the answers are there, in both eras.
import JSON

/// Why a handler ends without a result.
public enum Interruption: Error {
    /// The client must answer something first; only `ask` throws it.
    case needsInput(InputRound)
    /// The request fails.
    case failed(MCPError)
}

/// What a client must answer before a handler can go on.
public struct InputRound: Sendable {
    /// What is asked.
    let requests: [InputRequest]
    /// The answers so far that the handler has used.
    let settled: [String: Inquiry.Reply]
    /// What the handler wants to know again when it runs next.
    let kept: JSON?
}
