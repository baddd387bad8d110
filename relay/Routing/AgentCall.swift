// A call on its way to an agent: the method, its arguments, and the caller.
// Where it stands: a tool makes it, `Router.send` carries it.
import JSON
import Wire

/// A call to an agent.
struct AgentCall: Sendable {
    /// The method.
    let method: Method
    /// The arguments as the bytes that go to the agent.
    let arguments: RawJSON
    /// The same arguments, parsed.
    let fields: Fields
    /// The caller.
    let principal: Principal
    /// By which the agent knows a repetition of a call that must run once; nil: the router makes a
    /// key.
    var key: String?
    /// Who is shown the call's progress; nil if nobody.
    var progress: ProgressWatch?

    /// A call whose arguments are passed on as the bytes that arrived.
    init(
        _ method: Method, _ arguments: RawJSON, _ fields: Fields, for principal: Principal,
        key: String? = nil, progress: ProgressWatch? = nil
    ) {
        self.method = method
        self.arguments = arguments
        self.fields = fields
        self.principal = principal
        self.key = key
        self.progress = progress
    }

    /// A call whose arguments are made here.
    init(
        _ method: Method, _ arguments: JSON.Object = [:], for principal: Principal,
        key: String? = nil, progress: ProgressWatch? = nil
    ) {
        self.init(
            method, RawJSON(.object(arguments)), Fields(object: arguments), for: principal,
            key: key,
            progress: progress)
    }
}
