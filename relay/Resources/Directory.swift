// What a principal can name: its targets, sessions, commands and files, as the agents list them.
// Flow: the list of resources, completion → Directory → Router.send. Invariant: an agent is asked
// with the principal's own rights, and one that does not answer in time is left out.
import JSON
import Loop
import Wire

/// Looks up names, and remembers them for some seconds.
@IO final class Directory {
    /// How long a look-up may take: people wait for it while they type.
    nonisolated static let patience = Duration.seconds(1)
    /// How long an answer is remembered.
    nonisolated static let lifetime = Duration.seconds(4)
    /// The most agents that are asked for one question: those of the nearest names.
    nonisolated static let agents = 64
    /// The most look-ups at agents at once.
    nonisolated static let lookUps = 256
    /// Of these, for one principal.
    nonisolated static let share = 80
    /// The directories that a principal may have listed at once, and per second after that: each is
    /// a call at a host.
    nonisolated static let listings = (burst: 10, perSecond: 2)
    /// The most answers that are remembered.
    nonisolated static let answers = 2048
    /// The most bytes of names that are remembered: about 100 directories of 1,000 entries, each of
    /// about 150 bytes.
    nonisolated static let bytes = 16 << 20
    /// Of these, for one principal: more such directories than `listings` allows in `lifetime`.
    nonisolated static let bytesOfOne = 4 << 20

    /// A look-up at one agent, for a principal with the rights that it has now.
    private struct Question: Hashable {
        let principal: Principal
        let agentID: String
        let kind: KnownNames.Kind
        /// What the principal has changed before.
        let change: Int
        var place = ""
        var path = ""
        var glob = ""

        /// What it takes of memory beside what all share, about, in bytes.
        var bytes: Int { place.utf8.count + path.utf8.count + glob.utf8.count + 256 }
    }

    let router: Router
    private let memory = BriefMemory<Question, KnownNames>(
        for: lifetime, atMost: answers, bytes: bytes, bytesOfOne: bytesOfOne, places: lookUps,
        share: share
    ) { $0.bytes + $1.bytes }
    private var rates: [String: Rate] = [:]

    init(_ router: Router) { self.router = router }

    /// The agents that a principal may list, by name.
    func agents(of principal: Principal) -> [Fleet.Member] {
        principal.holds(ListAgents.tool.scopes) ? router.visible(to: principal) : []
    }

    /// The sessions that a principal may use, by their ids.
    func sessions(of principal: Principal) async -> [KnownSession] {
        await names(.sessions, [:], of: principal).flatMap(\.sessions)
    }

    /// The newest commands that a principal may use, the newest first.
    func commands(of principal: Principal) async -> [KnownCommand] {
        await names(.commands, ["limit": 50], of: principal).flatMap(\.commands)
            .sorted { ($0.age, $0.id) < ($1.age, $1.id) }
    }

    /// The targets of these agents, and the tags of each one's agent.
    func targets(
        of members: [Fleet.Member], for principal: Principal
    ) async -> [(target: String, tags: [String])] {
        let lists = members.filter { $0.connection != nil }.prefix(Self.agents).map { member in
            IO.task {
                let names = await self.names(
                    .targets, ListTargets.page(at: 0), at: member, for: principal)
                return (names?.texts ?? []).map { (target: $0, tags: member.record.tags) }
            }
        }
        return await IO.values(of: Array(lists)).flatMap(\.self)
    }

    /// The names in a directory of a target that begin with a text; those of directories end in a
    /// slash.
    func names(
        in path: String, beginningWith start: String, at target: String, for principal: Principal
    ) async -> [String] {
        guard
            let member = try? router.member(
                forTarget: target, Fields(object: [:]), principal), member.connection != nil
        else { return [] }
        var question = Question(
            principal: principal, agentID: member.record.id, kind: .files,
            change: router.uses.change(by: principal.id), place: target, path: path)
        // A long directory is narrowed by the agent; a glob's own signs are not looked for so.
        if let first = start.first, first.isLetter || first.isNumber || ".-_".contains(first) {
            question.glob = "\(first)*"
        }
        var arguments: JSON.Object = [
            "target": .string(target), "path": .string(path), "limit": 1000,
        ]
        if !question.glob.isEmpty { arguments["glob"] = .string(question.glob) }
        let found = await answer(question, arguments, member) { self.mayList(principal.id) }
        return (found?.texts ?? []).filter { $0.hasPrefix(start) }
    }

    /// Whether a principal may have one more directory listed now.
    private func mayList(_ principal: String) -> Bool {
        let now = IO.now
        if rates.count >= 1024 { rates = rates.filter { !$0.value.isFull(at: now) } }
        return rates[
            principal,
            default: Rate(burst: Self.listings.burst, perSecond: Self.listings.perSecond)
        ].admits(at: now)
    }

    // MARK: Asking

    private func names(
        _ kind: KnownNames.Kind, _ arguments: JSON.Object, of principal: Principal
    ) async -> [KnownNames] {
        let members = router.visible(to: principal).filter { $0.connection != nil }
        let lists = members.prefix(Self.agents).map { member in
            IO.task { await self.names(kind, arguments, at: member, for: principal) }
        }
        return await IO.values(of: Array(lists)).compactMap(\.self)
    }

    private func names(
        _ kind: KnownNames.Kind, _ arguments: JSON.Object, at member: Fleet.Member,
        for principal: Principal
    ) async -> KnownNames? {
        let question = Question(
            principal: principal, agentID: member.record.id, kind: kind,
            change: router.uses.change(by: principal.id))
        return await answer(question, arguments, member) { true }
    }

    private func answer(
        _ question: Question, _ arguments: JSON.Object, _ member: Fleet.Member,
        _ mayAsk: @escaping @IO @Sendable () -> Bool
    ) async -> KnownNames? {
        let principal = question.principal
        return await memory.value(question, for: principal.id, within: Self.patience) {
            [router] in
            guard mayAsk() else { return nil }
            let kind = question.kind
            let call = AgentCall(kind.method, arguments, for: principal)
            guard let answer = try? await router.send(call, to: member) else { return nil }
            let (result, claims) = (answer.result, router.claims(of: member))
            return await Blocking.run(ifLong: result.bytes.count) {
                KnownNames(kind, in: result, claims)
            }
        }
    }
}

extension Router {
    /// A session as its agent lists it; throws `unknown_session` if the principal may not use it.
    func session(_ id: String, of principal: Principal) async throws(Fault) -> KnownSession {
        guard let member = fleet.agent(ofHandle: id),
            let session = try await sessions(at: member, of: principal).first(where: {
                $0.id == id
            })
        else { throw .noSession(id) }
        return session
    }

    /// The sessions that a principal may use at one agent.
    func sessions(
        at member: Fleet.Member, of principal: Principal
    ) async throws(Fault) -> [KnownSession] {
        guard principal.sees(member.record) else { return [] }
        let answer = try await send(AgentCall(.listSessions, for: principal), to: member)
        let entries = await answer.result.parsedBesideLoop()["sessions"]?.arrayValue ?? []
        return claims(of: member).own(entries).compactMap(KnownSession.init)
    }
}
