// The `forward.*` calls: from arguments to forwards, and from results to Wire's types.
import JSON
import Loop
import Wire

extension Forwards {
    /// Serves the `forward.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.ownerOfForward = { [unowned self] in owner(of: $0) }
        dispatcher.serve(.openForward) { [unowned self] (call: OpenForward, visit) throws(Fault) in
            try await open(call, for: visit.caller).json
        }
        dispatcher.serve(.listForwards) { [unowned self] (call: ListForwards, visit) in
            ListForwards.json(list(for: visit.caller, target: call.target))
        }
        dispatcher.serve(.closeForward) { [unowned self] (call: CloseForward, _) throws(Fault) in
            try await close(call).json
        }
        dispatcher.serve(.connectForward) {
            [unowned self] (call: ConnectForward, visit) throws(Fault) in
            ConnectForward.json(try await connect(call, for: visit.caller))
        }
    }
}
