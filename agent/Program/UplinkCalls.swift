// The calls about the way to the relay: this agent's name, its key, and the end of the relay's
// process. Flow: dispatcher → here → Uplink.
import JSON
import Loop
import Wire

@IO enum UplinkCalls {
    static func serve(on dispatcher: Dispatcher, _ uplink: Uplink) {
        let stopping = Fault(.unavailable, "the agent is stopping")
        dispatcher.serve(.welcome) { [weak uplink] (welcome: Welcome, _) in
            uplink?.hear(welcome)
            Process.log("the relay calls this agent \(welcome.name) now")
            return [:]
        }
        dispatcher.serve(.drain) { [weak uplink, weak dispatcher] (call: Drain, visit) in
            uplink?.drain(call)
            // A process with a successor has time, and says it again: what is about to end does. It
            // says nothing of the calls of that successor.
            if !call.hasSuccessor, let tunnel = visit.tunnel {
                dispatcher?.endWaits(over: tunnel)
            }
            return [:]
        }
        dispatcher.serve(.offerKey) { [weak uplink] (call: OfferKey, _) throws(Fault) in
            guard let uplink else { throw stopping }
            return try uplink.offerKey(call).json
        }
        dispatcher.serve(.useKey) { [weak uplink] (call: UseKey, _) throws(Fault) in
            guard let uplink else { throw stopping }
            try uplink.useKey(call)
            return [:]
        }
    }
}
