// New keys for agents: each gets one when its key is old or the operator asks, over the tunnel that
// it has, without joining again. Invariant: the relay gives up a key only when the agent has said
// that the next one is stored, or has come with it.
import Crypto
import JSON
import Loop
import Wire

extension Fleet {
    /// How often the relay looks whose key is old.
    static let keyPeriod = Duration.seconds(600)
    /// How long an agent may take to write a key to its disk, and a reply to come.
    private static let patience = Duration.seconds(10)

    /// Whether a key is due to be replaced.
    nonisolated static func isDue(made: Int64, now: Int64, lifetime: Duration?) -> Bool {
        if made == 0 { return true }
        guard let lifetime, lifetime > .zero else { return false }
        return now - made >= lifetime.components.seconds
    }

    /// Replaces the keys that are due, one after another; `log` gets what fails.
    func changeKeys(log: @IO (_ agent: String, _ what: String) -> Void) async {
        for member in all where member.connection != nil {
            let record = member.record
            guard Self.isDue(made: record.keyMade, now: store.now(), lifetime: keyLifetime) else {
                continue
            }
            do throws(Fault) {
                try await changeKey(of: record.id)
            } catch {
                log(
                    record.name,
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
        let nonce = Random.bytes(Contract.bindingBytes)
        let answer = try await ask(
            member, .offerKey, OfferKey(nonce: Base64.encodeURL(nonce)).json)
        let offered = try OfferedKey(Fields(answer))
        guard let key = Base64.decodeURL(offered.publicKey),
            let signature = Base64.decodeURL(offered.signature),
            let verifier = try? Ed25519PublicKey(bytes: key),
            verifier.verify(signature, of: Contract.keyMessage(nonce: nonce, agentID: id))
        else { throw Fault(.unavailable, "it offered a key that it does not hold") }
        try await keep { () throws(StoreError) in
            try await self.store.offer(key, of: id, present: connection.key)
        }
        do throws(Fault) {
            _ = try await ask(member, .useKey, UseKey(publicKey: offered.publicKey).json)
        } catch {
            // Without a reply nobody knows which key the agent has: it shows it when it dials.
            if error.code != .internal { connection.line.drain() }
            throw error
        }
        connection.key = key
        try await keep { () throws(StoreError) in try await self.store.settle(key, of: id) }
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
            _ = replace(try await change())
        } catch {
            throw Fault(.unavailable, "\(error)")
        }
    }
}
