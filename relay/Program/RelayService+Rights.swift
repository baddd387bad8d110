// Rights that end or change while the relay runs: of tokens, and of people. Part of RelayService.
// Flow: an admin command, or another process's change of the store → here → calls and streams,
// then what is left at the agents. Invariant: what loses its rights ends here first, whatever the
// store or an agent does.
import JSON
import Loop

extension RelayService {
    func tokenRevoked(_ id: String) async -> JSON.Object {
        access.revoke(id)
        return await endAll(
            of: id, saying: "this token was revoked: ask the relay's operator for a new one")
    }

    func personRevoked(_ id: String) async -> JSON.Object {
        pages.sessions.forget(person: id)
        await oauth.service.forget(person: id)
        return await endAll(
            of: id,
            saying: "the person for whom this was done was revoked: ask the relay's operator")
    }

    /// Ends what a principal does here, and what it has at the agents and in the drop-box.
    private func endAll(of id: String, saying sentence: String) async -> JSON.Object {
        end(id, saying: sentence)
        let ended = await revocations.end(id, at: fleet.all)
        await box.removeAll(of: id)
        return [
            "sessions": JSON(ended.sessions), "commands": JSON(ended.commands),
            "pending": .array(ended.pending.map(JSON.string)),
        ]
    }

    func tokensChanged() async {
        do throws(StoreError) { adopt(try await store.tokens()) } catch {
            Process.log("the store failed: \(error)")
        }
    }

    func peopleChanged() async {
        do throws(StoreError) { try await adoptPeople() } catch {
            Process.log("the store failed: \(error)")
        }
    }

    /// Reads people, their page sessions and grants again, and ends what those do who lost rights.
    func adoptPeople() async throws(StoreError) {
        for person in try await pages.sessions.reload() {
            end(person.id, saying: "the rights of this person were changed: log in again")
        }
        try await oauth.service.reload()
    }

    func adopt(_ tokens: [TokenRecord]) {
        for principal in access.replace(with: tokens) {
            end(
                principal.grant,
                saying: "the rights of this token were changed: send the request again")
        }
    }

    /// Ends a principal's calls and streams within 5 s, even if a client does not read.
    func end(_ id: String, saying sentence: String) {
        forwards.end(of: id)
        router.forget(id)
        entrance.end(client: id, saying: sentence)
    }
}
