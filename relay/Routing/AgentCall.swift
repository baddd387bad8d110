// A call on its way to an agent: what is asked, of which arguments, for whom.
// Where it stands: a tool makes it, `Router.send` carries it.
import JSON
import Wire

/// A call to an agent.
struct AgentCall: Sendable {
    /// What is asked.
    let method: Method
    /// The arguments as the bytes that go to the agent.
    let arguments: RawJSON
    /// The same arguments, to be read.
    let fields: Fields
    /// Who asks.
    let principal: Principal
    /// Who wants to see how far the call is; nil: nobody.
    var progress: ProgressWatch?

    /// A call whose arguments came as bytes that pass on untouched.
    init(
        _ method: Method, _ arguments: RawJSON, _ fields: Fields, for principal: Principal,
        progress: ProgressWatch? = nil
    ) {
        self.method = method
        self.arguments = arguments
        self.fields = fields
        self.principal = principal
        self.progress = progress
    }

    /// A call whose arguments are made here.
    init(
        _ method: Method, _ arguments: JSON.Object = [:], for principal: Principal,
        progress: ProgressWatch? = nil
    ) {
        self.init(
            method, RawJSON(.object(arguments)), Fields(object: arguments), for: principal,
            progress: progress)
    }
}
