// The agent: its parts, each given the parts it depends on, and the dispatcher they register their
// calls with. The only file that knows all of them. Invariant: a part names only parts below it
// (scripts/arrows.txt); what it needs from one above is passed in here, as a closure.
import Loop
import Wire

/// Everything one agent runs, except its connection to the relay.
@IO final class Agent {
    let dispatcher: Dispatcher
    let membership: Membership
    let events = Events()
    let survey: Survey
    let targets: Targets
    let links: Links
    let hosts: Hosts
    let sessions: Sessions
    let commands: Commands
    let streams: Streams
    let files: Files
    let transfers: Transfers
    let hostReader: HostReader
    let forwards: Forwards

    init(
        identity: Identity, settings: AgentSettings, journal: Journal = Journal(),
        numbers: HandleNumbers = HandleNumbers(),
        log: @escaping @IO (String) -> Void = { Process.log($0) }
    ) {
        dispatcher = Dispatcher(journal: journal)
        let membership = Membership(
            name: identity.name, id: identity.agentID, numbers: numbers)
        let newHandle: @IO () -> String = { membership.newHandle() }
        let targets = Targets(settings: settings.targets, place: .current)
        self.membership = membership
        self.targets = targets
        survey = Survey(events: events)
        links = Links(events: events)
        sessions = Sessions(events: events, makeID: newHandle)
        hosts = Hosts(targets: targets, links: links)
        commands = Commands(
            hosts: hosts, revoked: dispatcher.revoked, events: events, makeID: newHandle)
        streams = Streams(revoked: dispatcher.revoked, log: log)
        files = Files(hosts: hosts, streams: streams)
        transfers = Transfers(
            files: files, hosts: hosts, streams: streams, revoked: dispatcher.revoked,
            events: events, makeID: newHandle)
        hostReader = HostReader(hosts: hosts, makeID: newHandle)
        forwards = Forwards(
            hosts: hosts, streams: streams, revoked: dispatcher.revoked, makeID: newHandle)
        serve()
        apply(settings)
    }

    private func serve() {
        let (targets, links, sessions, commands) = (targets, links, sessions, commands)
        dispatcher.policy = { targets.policy }
        targets.knowsSecret = { links.knows($0) }
        FactCalls.serve(on: dispatcher, membership, survey) {
            Use(
                sessions: sessions.all.count, commands: commands.runningCount, links: links.open,
                pool: links.summary)
        }
        TargetCalls(targets: targets, membership: membership, isOpen: { links.isOpen(to: $0) })
            .serve(on: dispatcher)
        SessionCalls(
            sessions: sessions, hosts: hosts, links: links, membership: membership,
            revoked: dispatcher.revoked
        ).serve(on: dispatcher)
        commands.serve(on: dispatcher, also: [SessionCommands(sessions), transfers])
        files.serve(on: dispatcher)
        transfers.serve(on: dispatcher)
        hostReader.serve(on: dispatcher)
        forwards.serve(on: dispatcher)
        files.origin = { [hosts] (id, caller) throws(Fault) in
            guard let session = sessions[id], let opening = session.opening else {
                throw .noSession(id)
            }
            let host = try await hosts.host(
                opening.target, opening.access, session.login, for: caller, isAgreed: true)
            return Files.Origin(
                shown: session.target, host: host,
                start: Files.Start(directory: session.directoryOnHost))
        }
        events.serve(on: dispatcher)
        PrincipalCalls.serve(
            on: dispatcher, sessions, commands, transfers, streams, forwards)
    }

    /// Takes on the name and the id that the relay gives this agent; what is open shows the name.
    func take(_ welcome: Welcome) {
        (membership.name, membership.id) = (welcome.name, welcome.agentID)
        membership.handlePrefix = welcome.handlePrefix
        for session in sessions.all { session.target = membership.renamed(session.target) }
        for command in commands.all { command.target = membership.renamed(command.target) }
        for transfer in transfers.all { transfer.target = membership.renamed(transfer.target) }
        for forward in forwards.all { forward.target = membership.renamed(forward.target) }
    }

    /// Whether a configuration file was there when settings were applied.
    private(set) var hasConfiguration = false

    /// Applies settings to every call from now on.
    func apply(_ settings: AgentSettings) {
        hasConfiguration = hasConfiguration || settings.hasFile
        // A transfer has judged its paths by the rules at its start.
        if (targets.settings, targets.policy) != (settings.targets, settings.policy) {
            transfers.end(saying: "agent.conf was changed")
        }
        targets.settings = settings.targets
        targets.policy = settings.policy
        links.secrets = settings.secrets
        dispatcher.journal.isSynced = settings.isJournalSynced
        sessions.limit = settings.policy.places.sessions
        links.limit = settings.policy.places.links
        commands.limits = settings.policy.places.commands
        IO.task { await self.endWhatIsRefused() }
    }

    /// Ends the sessions, commands and forwards whose hosts the rules refuse now.
    private func endWhatIsRefused() async {
        for session in sessions.all where await targets.isRefused(session.owner.host) {
            Process.log("session \(session.id) was ended: agent.conf refuses its host now")
            sessions.close(session.id)
        }
        for command in commands.running where await targets.isRefused(command.owner.host) {
            Process.log("command \(command.id) was ended: agent.conf refuses its host now")
            commands.cancel(command, "KILL")
        }
        forwards.endWhatIsRefused()
        for forward in forwards.all where await targets.isRefused(forward.owner.host) {
            Process.log("forward \(forward.id) was closed: agent.conf refuses its host now")
            forwards.remove(forward)
        }
    }

    /// Ends sessions and commands, so that calls which wait for them are answered with how they
    /// ended; other waits end with what there is.
    func endWork() async {
        let why = "the agent was stopped"
        sessions.closeAll(saying: why)
        transfers.end(saying: why)
        await commands.shutDown(saying: why)
        dispatcher.endWaits()
    }

    /// Ends sessions, commands and links, and has the disk keep the journal.
    func shutDown() async {
        forwards.shutDown()
        streams.shutDown()
        await endWork()
        await dispatcher.journal.close()
        links.shutDown()
        // Lets hang-ups and disconnect messages leave before the process ends.
        try? await IO.sleep(for: .milliseconds(100))
    }
}
