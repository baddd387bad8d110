// Changes of an agent's record while the relay runs. Invariant: a new name holds at once at the
// relay, and the agent learns it over the connection that it has; what it answers under its former
// name until then is its own as long as no other agent has that name.
import JSON
import Loop
import Tunnel
import Wire

extension Fleet {
    /// How long an agent may take to learn its new name.
    private static let patience = Duration.seconds(5)

    /// Stores a change of an agent's record and puts it in force; `by` says who makes it.
    func update(
        _ id: String, name: String?, tags: [String]?, purpose: String?, by: String
    ) async throws(Fault) {
        let record: AgentRecord
        do throws(StoreError) {
            record = try await store.updateAgent(
                id, name: name, tags: tags, purpose: purpose, by: by)
        } catch .database(let error) {
            throw Fault(.unavailable, "the relay's store failed: \(error)")
        } catch {
            throw Fault(.invalidArgument, "\(error)")
        }
        adopt(record)
    }

    /// Puts a changed record in force, and tells the agent if its name has changed.
    func adopt(_ record: AgentRecord) {
        if replace(record) { IO.task { await self.tellName(of: record.id) } }
    }

    /// Tells an agent its name.
    func tellName(of id: String) async {
        guard let member = member(id), let connection = member.connection else { return }
        let welcome = Welcome(
            agentID: id, name: member.record.name, handlePrefix: handlePrefix(of: id))
        do throws(Fault) {
            _ = try await call(
                member, .welcome, caller: .relay, arguments: RawJSON(welcome.json),
                deadline: Self.patience)
        } catch {
            // An agent of an earlier release hears its name when it connects the next time. One
            // that is slow, or has gone meanwhile, needs no other connection.
            if error.code == .unknownMethod { connection.line.drain() }
        }
    }
}
