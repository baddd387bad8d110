// The `principal.*` calls: whose sessions and commands this agent holds, and their end when the
// relay's operator revokes a token. Invariant: after `principal.end` nothing of that principal is
// open, running or being started.
import JSON
import Loop
import Wire

@IO enum PrincipalCalls {
    static func serve(
        on dispatcher: Dispatcher, _ sessions: Sessions, _ commands: Commands,
        _ transfers: Transfers, _ streams: Streams, _ forwards: Forwards
    ) {
        dispatcher.serve(.listPrincipals) { (_: NoArguments, _) in
            let owners =
                sessions.all.map(\.owner.id) + commands.running.map(\.owner.id)
                + transfers.running.map(\.owner.id) + forwards.all.map(\.owner.id)
            return PrincipalList(streams.principals.union(owners).sorted()).json
        }
        dispatcher.serve(.endPrincipal) { (call: EndPrincipal, _) in
            dispatcher.revoked.add(call.id)
            let open = sessions.all.filter { $0.owner.id == call.id }
            for session in open { sessions.close(session.id) }
            let running = commands.running.filter { $0.owner.id == call.id }
            for command in running { commands.cancel(command, "TERM") }
            let ended = transfers.end(of: call.id, saying: "its token was revoked")
            if ended > 0 {
                Process.log("a token was revoked: ended \(ended) transfers of \(call.id)")
            }
            let closed = forwards.end(of: call.id)
            if closed > 0 {
                Process.log("a token was revoked: closed \(closed) forwards of \(call.id)")
            }
            let cut = streams.end(of: call.id)
            if cut > 0 { Process.log("a token was revoked: ended \(cut) streams of \(call.id)") }
            if let owner = open.first?.owner ?? running.first?.owner {
                Process.log(
                    "the token of \(owner.label) was revoked: ended \(open.count) sessions and"
                        + " \(running.count) commands")
            }
            return EndedPrincipal(sessions: open.count, commands: running.count).json
        }
    }
}
