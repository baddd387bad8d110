// Tells the clients that watch a resource that it has changed. Flow: the fleet (agents that come
// and go) and the agents' events → here → MCPServer.resourceUpdated. Of output that grows agents
// report nothing: while somebody watches, they are asked, once a second at most.
// Invariant: what a principal may not read it cannot watch; without watchers nobody is asked, and
// what watchers cost is bounded.
import JSON
import Loop
import MCP
import Wire

/// Who watches what.
@IO final class ResourceWatch {
    /// The most sessions and commands that are watched.
    nonisolated static let limit = 512
    /// The most that one principal watches.
    nonisolated static let share = 64
    /// Time between two looks at one agent, for one principal.
    nonisolated static let period = Duration.seconds(1)

    /// What is looked at.
    private enum Subject: Hashable {
        case session(String)
        case command(String)

        /// Its agent.
        var handle: String {
            switch self {
            case .session(let id), .command(let id): id
            }
        }
    }

    /// What was seen of it last.
    private enum Mark: Hashable {
        case session(KnownSession.Mark)
        /// Its state and the ends of its outputs, written.
        case command(String)
        /// It does not exist any more.
        case gone
    }

    private struct Watched {
        let uri: String
        let subject: Subject
        let principal: Principal
        var mark: Mark
        /// Whether nothing more can change.
        var isFinal = false
        let place: Shares.Place
    }

    /// The sessions or commands of one principal at one agent.
    private struct Group: Hashable {
        let agentID: String
        let principal: Principal
    }

    /// What the host holds for each client that watches; its end ends the watch.
    private final class Hold: Sendable {
        private let onEnd: @Sendable () -> Void
        init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }
        deinit { onEnd() }
    }

    /// Called with the URI of what has changed.
    var onChange: (@IO (String) -> Void)?

    private let router: Router
    private let places = Shares(ResourceWatch.limit, share: ResourceWatch.share)
    private var watched: [Int: Watched] = [:]
    private var lastNumber = 0
    /// Those that are being asked.
    private var asked: Set<Group> = []
    private var timer: LoopTimer?

    init(_ router: Router) {
        self.router = router
        router.fleet.onChange = { [weak self] in self?.onChange?("\(ResourceURI.agents)") }
        router.onEvent = { [weak self] _, matter in self?.hear(matter) }
    }

    /// How many sessions and commands are watched.
    var count: Int { watched.count }

    /// Admits a principal that wants to watch a resource; what is returned is held meanwhile.
    func admit(
        _ text: String, _ uri: ResourceURI, for principal: Principal
    ) async throws(Fault) -> any Sendable {
        switch uri {
        case .agents: return Hold {}
        case .transcript(let id, _, _), .screen(let id):
            return try await watch(text, .session(id), principal)
        case .output(let id): return try await watch(text, .command(id), principal)
        case .statistics, .targets, .file, .host:
            throw Fault(
                .unavailable,
                "\(text.prefix(200)) cannot be watched: read it again when it is needed")
        }
    }

    private func watch(
        _ uri: String, _ subject: Subject, _ principal: Principal
    ) async throws(Fault) -> any Sendable {
        let place: Shares.Place
        do throws(Lack) { place = try places.take(for: principal.id) } catch {
            throw Self.fault(error)
        }
        let seen: (mark: Mark, isFinal: Bool)
        do throws(Fault) { seen = try await look(at: subject, for: principal) } catch {
            place.giveBack()
            throw error
        }
        lastNumber += 1
        let number = lastNumber
        watched[number] = Watched(
            uri: uri, subject: subject, principal: principal, mark: seen.mark,
            isFinal: seen.isFinal, place: place)
        listen(at: subject)
        timer =
            timer
            ?? LoopTimer(after: Self.period, repeating: Self.period) { [weak self] in
                self?.beat()
            }
        return Hold { [weak self] in IO.task { self?.end(number) } }
    }

    /// Why nothing more can be watched, and what to do.
    nonisolated static func fault(_ lack: Lack) -> Fault {
        switch lack {
        case .places(let limit):
            Fault(
                .limitReached,
                "all clients together watch \(limit) sessions and commands, the most that this"
                    + " relay allows: try again later, or read the resource when it is needed")
        case .share(let own, _):
            Fault(
                .limitReached,
                "this token watches \(own) sessions and commands, the most that one may: give up"
                    + " some first")
        }
    }

    private func end(_ number: Int) {
        guard let gone = watched.removeValue(forKey: number) else { return }
        gone.place.giveBack()
        listen(at: gone.subject)
        guard watched.isEmpty else { return }
        timer?.cancel()
        timer = nil
    }

    // MARK: Events

    /// Has an agent report what happens to what is watched there, as long as something is.
    private func listen(at subject: Subject) {
        guard let id = Self.agentID(of: subject.handle, router) else { return }
        var kinds: Set<AgentEvent.Kind> = []
        for one in watched.values where Self.agentID(of: one.subject.handle, router) == id {
            switch one.subject {
            case .session: kinds.insert(.session)
            case .command: kinds.insert(.command)
            }
        }
        router.events.listen(for: kinds, at: id)
    }

    private func hear(_ matter: AgentEvent.Matter) {
        let subject: Subject
        switch matter {
        case .session(let id, _, _): subject = .session(id)
        case .command(let id, _, _): subject = .command(id)
        case .link, .facts: return
        }
        for one in watched.values where one.subject == subject { onChange?(one.uri) }
    }

    // MARK: Looking

    private func beat() {
        var groups: [Group: [Int]] = [:]
        for (number, one) in watched where !one.isFinal {
            guard let id = Self.agentID(of: one.subject.handle, router) else { continue }
            groups[Group(agentID: id, principal: one.principal), default: []].append(number)
        }
        for (group, numbers) in groups where asked.insert(group).inserted {
            IO.task {
                await self.look(group, numbers)
                self.asked.remove(group)
            }
        }
    }

    private static func agentID(of handle: String, _ router: Router) -> String? {
        router.fleet.agent(ofHandle: handle)?.record.id
    }

    /// Looks at what a principal watches at one agent: its sessions by one call.
    private func look(_ group: Group, _ numbers: [Int]) async {
        guard router.isCurrent(group.principal), let member = router.fleet.member(group.agentID),
            member.connection != nil
        else { return }
        var sessions: [KnownSession]?
        for number in numbers {
            guard let one = watched[number] else { continue }
            switch one.subject {
            case .session(let id):
                if sessions == nil {
                    sessions = try? await router.sessions(at: member, of: one.principal)
                }
                // An agent that does not answer is asked again a second later.
                guard let sessions else { continue }
                let session = sessions.first { $0.id == id }
                note(number, session.map { .session($0.mark) } ?? .gone, isFinal: session == nil)
            case .command:
                do throws(Fault) {
                    let seen = try await look(at: one.subject, for: one.principal)
                    note(number, seen.mark, isFinal: seen.isFinal)
                } catch {
                    if error.code == .unknownCommand { note(number, .gone, isFinal: true) }
                }
            }
        }
    }

    private func note(_ number: Int, _ mark: Mark, isFinal: Bool) {
        guard let before = watched[number] else { return }
        watched[number]?.mark = mark
        watched[number]?.isFinal = isFinal
        if before.mark != mark { onChange?(before.uri) }
    }

    private func look(
        at subject: Subject, for principal: Principal
    ) async throws(Fault) -> (mark: Mark, isFinal: Bool) {
        switch subject {
        case .session(let id):
            return (.session(try await router.session(id, of: principal).mark), false)
        case .command(let id):
            var arguments = ReadCommand.end(of: id, atMost: 1)
            arguments[SeveralCommands.wait] = 0
            let call = AgentCall(.readCommand, arguments, for: principal)
            let answer = try await router.send(call).result.parsedBesideLoop()
            let names = [
                "state", "exit_code", "omitted_bytes", "stdout_next_offset", "stderr_next_offset",
            ]
            let mark = names.map { answer[$0]?.description ?? "" }.joined(separator: " ")
            let isOver = answer["state"]?.stringValue.flatMap(RunState.init(rawValue:))?
                .isOver(isDetached: answer["detached"] == true)
            return (.command(mark), isOver == true)
        }
    }
}
