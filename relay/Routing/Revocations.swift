// Ends at the agents what revoked tokens and people have left there: sessions and running commands.
// At once at the agents that are online, and at the others when they connect.
// Invariant: only what belongs to a principal whose revocation is stored is ended.
import JSON
import Loop
import Wire

/// Carries revocations to the agents.
@IO struct Revocations {
    let router: Router
    let store: Store
    var log = AgentLog.shared

    /// The most principals that an agent is believed to hold something of.
    ///
    /// An agent has 256 commands and, by default, 200 sessions; each id costs a query.
    private static let mostHeld = 10_000

    /// What was ended, and where nothing could be.
    struct Ended: Equatable {
        var sessions = 0
        var commands = 0
        /// Agents that are offline or did not answer; each is asked again when it connects.
        var pending: [String] = []
    }

    /// Ends what belongs to a principal, at every agent at once; takes at most the call's deadline.
    func end(_ principal: String, at members: [Fleet.Member]) async -> Ended {
        let call = AgentCall(
            .endPrincipal, EndPrincipal(principal).json.objectValue ?? [:], for: .local)
        var ended = Ended()
        // One that is away is asked when it connects: a revocation waits for nobody.
        let away = members.filter { $0.connection == nil }
        ended.pending = away.map(\.record.name)
        let present = members.filter { $0.connection != nil }
        for (member, answer) in await router.send(call, to: present) {
            do {
                let part = try EndedPrincipal(Fields(answer.get().result))
                ended.sessions += part.sessions
                ended.commands += part.commands
            } catch {
                ended.pending.append(member.record.name)
            }
        }
        return ended
    }

    /// Asks an agent that has just connected whose sessions and commands it holds, and ends those
    /// of revoked tokens and people.
    func settle(_ member: Fleet.Member) async {
        do throws(Fault) {
            let answer = try await router.send(
                AgentCall(.listPrincipals, [:], for: .local), to: member)
            let held = try PrincipalList(Fields(answer.result)).ids
            var isWhole = held.count <= Self.mostHeld
            for id in try await revoked(among: Array(held.prefix(Self.mostHeld))) {
                if !(await end(id, at: [member]).pending.isEmpty) { isWhole = false }
            }
            if !isWhole {
                throw Fault(.unavailable, "not all of them could be asked about or ended")
            }
        } catch {
            log.note(
                member.record.name,
                error.code == .unknownMethod
                    ? "cannot end the sessions of revoked tokens and people: update it"
                    : "may still hold sessions of revoked tokens and people: \(error)")
        }
    }

    private func revoked(among ids: [String]) async throws(Fault) -> [String] {
        do throws(StoreError) { return try await store.revokedPrincipals(among: ids) } catch {
            throw Fault(.unavailable, "the store failed: \(error)")
        }
    }
}
