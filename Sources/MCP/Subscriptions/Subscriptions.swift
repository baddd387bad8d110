// What a server tells its clients of, and who listens. Flow: `subscriptions/listen` and legacy
// sessions subscribe here; the host publishes. Invariant: nobody is told of what was not asked for,
// and one principal's streams cannot use up the server.
import JSON
import Loop

@IO final class Subscriptions {
    /// The lists whose changes are announced.
    let announced: Set<ListKind>
    let bus: ChangeBus
    private let limits: MCPLimits.Subscriptions
    private var listening: [String: Int] = [:]

    init(announcing announced: Set<ListKind>, _ limits: MCPLimits.Subscriptions) {
        self.announced = announced
        self.limits = limits
        bus = ChangeBus(interval: limits.interval)
    }

    func publish(_ topic: Topic, _ params: JSON.Object = [:]) {
        bus.publish(Notice(topic, params))
    }

    /// Takes a place for one more stream of a principal.
    func begin(_ principal: Principal) throws(MCPError) {
        let own = listening[principal.name, default: 0]
        guard own < limits.streamsPerPrincipal else {
            throw .busy(
                "\(own) subscription streams are open already: close one, or add to its filter "
                    + "by opening it anew")
        }
        guard listening.values.reduce(0, +) < limits.streams else {
            throw .busy(
                "the clients of this server have \(limits.streams) subscription streams open, "
                    + "which is the limit: retry later")
        }
        listening[principal.name] = own + 1
    }

    /// Gives the place back.
    func end(_ principal: Principal) {
        let left = listening[principal.name, default: 1] - 1
        listening[principal.name] = left > 0 ? left : nil
    }
}
