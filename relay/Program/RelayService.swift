// A running relay: the store, the fleet behind its gate, the MCP server in front of it, and the
// admin socket beside it. Invariant: `start` makes all of it and `shutDown` ends all of it.
import Configuration
import Crypto
import Glibc
import HTTP
import JSON
import Loop
import MCP
import Net
import Tunnel
import Wire

/// Why a relay does not start.
struct StartFailure: Error {
    let message: String
    let exit: Int32

    init(_ error: some Error, _ exit: Int32 = ExitCode.unavailable) {
        message = "\(error)"
        self.exit = exit
    }

    init(_ message: String, _ exit: Int32) {
        self.message = message
        self.exit = exit
    }
}

/// Everything that one relay runs.
@IO final class RelayService: LiveRelay {
    private let offer: Offer
    var store: Store { administration.store }
    let fleet: Fleet
    let router: Router
    let access: Access
    let oauth: OAuthDoor
    let gate: Gate
    let forwards: Forwards
    let administration: Administration
    private let started: Int64
    let entrance: ClientEntrance
    private var admin: AdminServer?
    private var timers: [LoopTimer] = []
    /// Whether another process has the folder, or is to have it (nothing is stored then); the watch
    /// while others may change the store.
    private var others: (haveFolder: Bool, watch: StoreWatch?) = (false, nil)
    var mcp: MCPServer { offer.server }
    /// The questions of agents to persons.
    var approvals: Approvals { router.approvals }
    /// How MCP clients reach it.
    var mcpURL: String { entrance.url }
    /// How agents reach it.
    var tunnelURLs: [String] = []

    /// Opens the state of `folder`, of which `lock` proves that no other process uses it, and
    /// listens.
    ///
    /// `inheritance`: what an earlier process has left.
    static func start(
        _ options: Options, _ doors: Doors = .ports, _ folder: DataFolder, _ lock: FolderLock,
        _ inheritance: Inheritance? = nil
    ) async throws(StartFailure) -> RelayService {
        let store: Store
        let identity: RelayIdentity
        let context: TLSContext
        let entrances: Entrances
        do {
            entrances = try Entrances(options)
        } catch let error as ConfigurationError {
            throw StartFailure(error, error.exitCode)
        } catch {
            throw StartFailure(error)
        }
        do {
            store = try await Store.open(folder: folder.path)
            identity = try RelayIdentity(folder: folder)
            context = try TLSContext(
                serverCertificate: identity.certificatePEM, key: identity.keyPEM,
                alpn: [Contract.applicationProtocol, "http/1.1"])
        } catch {
            throw StartFailure(error, ExitCode.cannotCreate)
        }
        let service = RelayService(store, context, folder, options, entrances, doors)
        do {
            try await service.fleet.reload()
            service.access.replace(with: try await store.tokens())
            try await service.pages.sessions.reload()
            try await service.oauth.service.reload()
            await service.offer.start()
            switch doors {
            case .ports:
                try await service.listen(options, entrances.tunnelURLs, identity.pin, inheritance)
            case .folder:
                try await service.listen(at: folder.tunnelSocket, identity.pin)
            }
            service.admin = try AdminServer(
                folder: folder, lock: lock, administration: service.administration)
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw StartFailure(error)
        }
        // Once a minute: a crash loses at most a minute of last-seen and last-used times.
        let saving = LoopTimer(after: .seconds(60), repeating: .seconds(60)) {
            [weak service] in IO.task { await service?.save() }
        }
        service.fleet.keyChanges.lifetime = options.duration(Settings.keyLifetime)
        let keyChanges = LoopTimer(after: Fleet.keyPeriod, repeating: Fleet.keyPeriod) {
            [weak service] in IO.task { await service?.changeKeys() }
        }
        // What has expired is of no use to anybody meanwhile.
        let sweeping = LoopTimer(after: .seconds(5), repeating: .seconds(3600)) {
            [weak service] in
            guard let service, !service.others.haveFolder else { return }
            IO.task { await service.sweepOAuth() }
        }
        service.timers = [saving, keyChanges, sweeping, await service.box.start()]
        service.followsOthers()
        return service
    }

    var box: DropBox { entrance.files.box }
    var pages: Pages { entrance.pages }

    private func changeKeys() async {
        guard !others.haveFolder else { return }
        await fleet.changeKeys { AgentLog.shared.note($0, $1) }
    }

    private init(
        _ store: Store, _ context: TLSContext, _ folder: DataFolder, _ options: Options,
        _ entrances: Entrances, _ doors: Doors
    ) {
        started = store.now()
        fleet = Fleet(store: store)
        router = Router(fleet: fleet)
        forwards = Forwards(router: router)
        let box = DropBox(
            store: store, folder: folder.drops,
            // Without a port there is nobody to fetch a file.
            bytes: doors == .ports ? options.bytes(Settings.dropBoxSize) : 0,
            lifetime: options.duration(Settings.dropBoxLifetime))
        access = Access(allowsLoopback: options.bool(Settings.loopback), now: store.now)
        let programs = AgentPrograms(data: folder.path)
        gate = Gate(
            store: store, fleet: fleet, context: context, downloads: DownloadDoor(programs),
            log: Process.log)
        administration = Administration(folder: folder, store: store, programs: programs)
        offer = Offer(
            router,
            Tools(
                router, forwards, DropTransfers(box, router: router),
                allowsForms: options.bool(Settings.approvalForms)), options)
        let rights = RightsEnd()
        let logins = OAuthService(store, access, options, rights)
        oauth = OAuthDoor(logins)
        let files = FileDoor(box, access.principal(id:))
        entrance = ClientEntrance(offer.server, gate, entrances, files: files, pages: Pages(store))
        {
            [router, access] in
            Self.authenticate($0, allowedOrigins: $1, access, router, logins)
        }
        rights.end = { [weak self] in self?.end($0, saying: $1) }
        administration.live = self
        let revocations = revocations
        fleet.onRivals = { name, warning in Process.log("agent \(name): \(warning)") }
        fleet.onArrival = { [router, forwards] member in
            IO.task {
                await revocations.settle(member)
                await forwards.settle(member)
            }
            router.events.follow(member)
            router.streams.resume(at: member)
        }
        router.keepFacts()
        serveApprovals(hasPages: doors == .ports, folder)
    }

    var revocations: Revocations { Revocations(router: router, store: store) }

    private func save() async {
        guard !others.haveFolder else { return }
        do throws(StoreError) {
            try await fleet.saveSeen()
            let uses = access.takeUses()
            try await store.touchTokens(uses.tokens)
            try await store.touchGrants(uses.grants)
            try await pages.sessions.save()
        } catch {
            Process.log("the store failed: \(error)")
        }
    }

    /// Reads again what may change while the relay runs: the files of its certificate, and the
    /// operator's runbooks.
    func reload() {
        entrance.reload()
        offer.reload()
    }

    /// How long calls in flight may take to end: with the rest of the end, under 30 s.
    nonisolated static let drainTime = Duration.seconds(25)
    /// Time between two looks at what still waits.
    private static let look = Duration.seconds(2)
    private static let farewell =
        "the relay is stopping; whatever was started at an agent keeps running: connect again in a "
        + "moment, then ask with the same session_id or command_id (ssh_session_list and "
        + "ssh_command_list show them)"

    /// How long an idle connection stays open for a request that may be on its way, where another
    /// process serves the next one.
    private static let idling = Duration.seconds(2)

    /// Ends: it takes no new work, lets calls in flight finish for at most `grace`, those that
    /// wait for output with what there is, and tells the rest what to do next; then it closes.
    ///
    /// Where another process serves already (`hasSuccessor`), requests that still come over open
    /// connections are answered.
    func shutDown(hasSuccessor: Bool = false, grace: Duration = drainTime) async {
        for timer in timers { timer.cancel() }
        let end = IO.now + grace
        gate.close()
        if hasSuccessor {
            entrance.retire()
            followsOthers()
        } else {
            entrance.drain()
        }
        await fleet.sayFarewell(hasSuccessor: hasSuccessor)
        let waits = LoopTimer(after: Self.look, repeating: Self.look) { [weak fleet] in
            IO.task { await fleet?.endWaits() }
        }
        // At most 2.5 s more: 0.5 s for the handlers of calls that are given up
        // (`MCPLimits.grace`), 1 s for connections, and 1 s before for the agents to hear.
        if hasSuccessor {
            await entrance.emptied(within: Self.idling)
            entrance.drain()
            await entrance.emptied(within: end - IO.now)
        }
        await mcp.stop(grace: max(.zero, end - IO.now), saying: Self.farewell)
        waits.cancel()
        await entrance.endSessions()
        admin?.close()
        forwards.shutDown()
        fleet.drain()
        await entrance.shutDown(grace: .seconds(1))
        fleet.close()
        AgentLog.shared.close()
        DoorLog.shared.close()
        pages.close()
        others.watch?.cancel()
        await save()
        await store.close()
        // Only now may another relay run on the folder.
        admin = nil
    }

    /// Gives up the calls that `shutDown` waits for.
    func hasten() async { await mcp.stop(grace: .zero, saying: Self.farewell) }

    // MARK: Another process

    /// Has another process take over; nil if this relay does not run by itself.
    var onUpgrade: (@IO () async throws(AdminFault) -> Int32)?

    /// The sockets that it listens with.
    var sockets: [(role: Inheritance.Role, descriptor: Int32)] {
        let own = [gate.listener].compactMap { $0?.descriptor }.map {
            (Inheritance.Role.tunnel, $0)
        }
        return own + entrance.listeners.compactMap(\.descriptor).map { (.mcp, $0) }
    }

    /// Accepts no connections, and frees the folder: another process is about to do both.
    ///
    /// What is connected goes on. Throws, and changes nothing, if it could not go on itself then.
    func stepAside() async throws(NetError) {
        do throws(NetError) {
            for listener in listeners { try listener.pause() }
        } catch {
            try? resume()
            throw error
        }
        await save()
        others.haveFolder = true
        admin?.stepAside()
    }

    /// Goes on as before: the other process has failed, and `lock` is the folder's.
    func stepBack(_ lock: FolderLock) throws(NetError) {
        others.haveFolder = false
        let resumed = Result { () throws(NetError) in try resume() }
        followsOthers()
        try admin?.stepBack(lock)
        try resumed.get()
    }

    private var listeners: [Listener] { [gate.listener].compactMap(\.self) + entrance.listeners }

    /// Accepts connections again, wherever that is possible.
    private func resume() throws(NetError) {
        var failure: NetError?
        for listener in listeners {
            do throws(NetError) { try listener.resume() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// Whether another process has brought the store to a version that this program cannot open.
    func hasNewerSchema() async -> Bool {
        (try? await store.schemaVersion()).map { $0 > Schema.migrations.count } ?? false
    }

    /// Puts in force what other processes store, while there may be some: another one of this
    /// relay, which ends in less than 30 s, and commands that have found no relay.
    private func followsOthers() {
        others.watch = StoreWatch(store, for: .seconds(30)) { [weak self] () throws(StoreError) in
            guard let self else { return }
            try await fleet.reload()
            adopt(try await store.tokens())
            try await adoptPeople()
        }
    }

    /// The reply to a request as the admin socket has them.
    func administer(_ request: JSON) async -> JSON { await administration.reply(to: request) }

    func perform(_ command: String, _ arguments: JSON) async throws(AdminFault) -> JSON? {
        if let answer = try await performOnApprovals(command, arguments) { return answer }
        guard command == "upgrade" else { return nil }
        guard let onUpgrade else {
            throw AdminFault(
                message: "this relay serves a stdio client, and ends with it: only one that runs"
                    + " by itself (serve) can be upgraded",
                exit: ExitCode.unavailable)
        }
        return ["pid": JSON(try await onUpgrade())]
    }

    /// Called when a relay that runs as a service wants the folder; nil if this one is a service.
    var onYield: (@IO () -> Void)? {
        get { administration.onYield }
        set { administration.onYield = newValue }
    }

    // MARK: LiveRelay

    func status() -> JSON.Object {
        [
            "version": .string(Settings.version), "pid": JSON(getpid()), "mcp_url": .string(mcpURL),
            "tunnel_url": .string(tunnelURLs.first ?? ""),
            "tunnel_urls": .array(tunnelURLs.map(JSON.string)),
            "uptime_s": .int(store.now() - started),
            "mcp_port": .string(entrance.address?.description ?? ""),
            "tunnel_port": .string(gate.address?.description ?? ""),
            "open_files": JSON(Process.raiseDescriptorLimit()),
        ]
    }

    func presence() -> [String: JSON.Object] {
        var presence: [String: JSON.Object] = [:]
        for member in fleet.all {
            guard let connection = member.connection else { continue }
            presence[member.record.id] = [
                "since": .string(UTCTime(connection.since).rfc3339),
                "peer": .string(connection.line.peer),
            ]
            if let warning = fleet.warning(about: member.record.id) {
                presence[member.record.id]?["warning"] = .string(warning)
            }
        }
        return presence
    }

    func agentChanged(_ record: AgentRecord) { fleet.adopt(record) }

    func changeKey(of record: AgentRecord) async -> String? {
        fleet.adopt(record)
        do throws(Fault) {
            try await fleet.changeKey(of: record.id)
            return nil
        } catch {
            return error.message
        }
    }

    func agentRevoked(_ id: String) {
        fleet.revoke(id)
        IO.task { try? await self.fleet.reload() }
    }

    func forward(_ stream: SocketStream, _ request: JSON, received: [UInt8]) {
        IO.task { await self.forwards.serve(stream, request, received: received) }
    }

    func attach(_ stream: SocketStream, received: [UInt8]) {
        // The person at this machine.
        entrance.attach(stream, received: received, as: router.introduce(.local))
    }
}
