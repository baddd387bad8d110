// New keys for agents: each gets one when its key is old or the operator asks, over the tunnel that
// it has, without joining again. Invariant: the relay gives up a key only when the agent has said
// that the next one is stored, or has come with it.
import Crypto
import JSON
import Loop
import Wire

/// When keys are changed, and which are being changed.
struct KeyChanges {
    /// How long an agent keeps a key; zero: for ever.
    var lifetime = Duration.zero
    /// The agents whose keys are being changed.
    fileprivate(set) var running: Set<String> = []
    /// Whether the relay goes through the agents.
    fileprivate var isPass = false

    /// Whether a key is due to be replaced: it is old, the operator wants it, or the change before
    /// this one has not been carried to its end.
    func isDue(made: Int64, isUnsettled: Bool, now: Int64) -> Bool {
        if made == 0 || isUnsettled { return true }
        return lifetime > .zero && now - made >= lifetime.components.seconds
    }
}

extension Fleet {
    /// How often the relay looks whose key is old.
    static let keyPeriod = Duration.seconds(600)
    /// How long an agent may take to write a key to its disk, and a reply to come.
    private static let patience = Duration.seconds(10)
    /// How long a connection whose agent may have another key lets its calls end.
    private static let farewell = Duration.seconds(5)

    /// Replaces the keys that are due, one after another; `log` gets what fails.
    func changeKeys(log: @IO (_ agent: String, _ what: String) -> Void) async {
        guard !keyChanges.isPass else { return }
        keyChanges.isPass = true
        defer { keyChanges.isPass = false }
        for id in all.map(\.record.id) {
            guard let member = member(id), let connection = member.connection,
                connection.changesKeys,
                keyChanges.isDue(
                    made: member.record.keyMade, isUnsettled: member.record.formerKey != nil,
                    now: store.now())
            else { continue }
            do throws(Fault) {
                try await changeKey(of: id)
            } catch {
                // An earlier agent does not know the call: one line for each connection.
                if error.code == .unknownMethod { connection.changesKeys = false }
                log(
                    member.record.name,
                    error.code == .unknownMethod
                        ? "cannot change its key: update it" : "did not change its key: \(error)")
            }
        }
    }

    /// Gives a connected agent a new key.
    func changeKey(of id: String) async throws(Fault) {
        guard let member = member(id), let connection = member.connection else {
            throw Fault(.agentOffline, "it is offline; its key is changed when it connects")
        }
        // Two machines use its key: who would get the next one is for people to decide.
        if let warning = warning(about: id) { throw Fault(.unavailable, warning) }
        guard keyChanges.running.insert(id).inserted else {
            throw Fault(.busy, "its key is being changed")
        }
        defer { keyChanges.running.remove(id) }
        let nonce = Random.bytes(Contract.bindingBytes)
        let answer = try await ask(
            member, .offerKey, OfferKey(nonce: Base64.encodeURL(nonce)).json)
        let offered = try OfferedKey(Fields(answer))
        guard let key = Base64.decodeURL(offered.publicKey),
            let signature = Base64.decodeURL(offered.signature),
            let verifier = try? Ed25519PublicKey(bytes: key),
            verifier.verify(signature, of: Contract.keyMessage(nonce: nonce, agentID: id))
        else { throw Fault(.unavailable, "it offered a key that it does not hold") }
        try check(connection)
        try await keep { () throws(StoreError) in
            try await self.store.offer(key, of: id, present: connection.key)
        }
        do throws(Fault) {
            _ = try await ask(member, .useKey, UseKey(publicKey: offered.publicKey).json)
            try check(connection)
        } catch {
            // Without a reply nobody knows which key the agent has: it shows it when it dials,
            // unless it has come with the new one meanwhile.
            let now = self.member(id)?.connection
            if error.code != .internal, now?.key != key { retire(now) }
            throw error
        }
        connection.key = key
        try await keep { () throws(StoreError) in try await self.store.settle(key, of: id) }
    }

    /// A call that was repeated over another connection says nothing of this one.
    private func check(_ connection: AgentConnection) throws(Fault) {
        guard member(connection.agentID)?.connection === connection else {
            throw Fault(.unavailable, "its connection was lost meanwhile")
        }
    }

    /// Has an agent dial anew.
    private func retire(_ connection: AgentConnection?) {
        guard let line = connection?.line else { return }
        line.drain()
        IO.task {
            try? await IO.sleep(for: Self.farewell)
            line.close()
        }
    }

    private func ask(
        _ member: Member, _ method: Method, _ arguments: JSON
    ) async throws(Fault) -> RawJSON {
        try await call(
            member, method, caller: .relay, arguments: RawJSON(arguments),
            deadline: Self.patience
        ).result
    }

    private func keep(
        _ change: @IO () async throws(StoreError) -> AgentRecord
    ) async throws(Fault) {
        do throws(StoreError) {
            adopt(try await change())
        } catch {
            throw Fault(.unavailable, "\(error)")
        }
    }
}
