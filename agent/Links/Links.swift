// The SSH connections of this agent, shared by sessions and commands: one per target and set of
// credentials, a second only when the server allows no more channels on the first. Callers ask for
// channels; an unused link is closed after `idleTime`.
// Invariant: callers that ask at once for a link that does not exist yet share one attempt.
import Loop
import SSH
import Wire

/// The pool of links.
@IO final class Links {
    /// What makes two callers share a link: the same target with the same credentials.
    ///
    /// Two names for one host that log in with different keys have separate links.
    private struct Key: Hashable {
        private let target: SSHTarget
        private let identity: [UInt8]
        /// The jump hosts, as `user@host:port`.
        let via: [String]

        init(_ target: SSHTarget, _ options: LinkOptions) {
            var unnamed = target
            unnamed.name = ""
            unnamed.hasChosenWay = false
            self.target = unnamed
            identity = options.identity
            via = target.via.map { "\($0.user)@\($0.hostname):\($0.port)" }
        }
    }

    private final class Place {
        var open: [Held] = []
        var opening: Task<Result<Link, Fault>, Never>?
    }

    @IO private final class Held {
        let link: Link
        /// The name by which it was opened.
        let target: String
        /// Its number in the order of opening.
        let number: Int
        let share: Shares.Place
        /// The only principal that may use it; nil: it rests on nothing that a person has granted
        /// for one.
        let principal: String?
        let probes: ProbeChannel
        var unusedSince: ContinuousClock.Instant?
        /// SFTP, kept open for a while between calls, and the number of its users now.
        var files: SFTP?
        var filesInUse = 0
        /// Why it has no SFTP; nil: it has, or was not asked for it.
        var missingFiles: SSHError?
        init(
            _ link: Link, _ target: String, number: Int, _ share: Shares.Place,
            for principal: String?
        ) {
            self.link = link
            self.target = target
            self.number = number
            self.share = share
            self.principal = principal
            probes = ProbeChannel(link)
        }

        /// Whether the running task's principal may use it.
        var isForCaller: Bool { principal == nil || principal == Sharer.current }

        /// Whether nothing is open on it except, perhaps, an idle SFTP.
        var isUnused: Bool {
            let idle = files != nil && files?.failure == nil && filesInUse == 0 ? 1 : 0
            return link.channelCount == idle
        }

        /// Closes SFTP if it is unused; returns whether that freed a channel.
        func closeIdleFiles(after time: Duration = .zero) -> Bool {
            guard let files, filesInUse == 0, IO.now - files.lastUsed >= time else { return false }
            files.close()
            self.files = nil
            return true
        }
    }

    /// The most links to one target with the same credentials: at sshd's default of 10 channels a
    /// link these are 80 channels, and one target cannot use up `limit`.
    nonisolated static let perTarget = 8
    /// How long unused SFTP stays open: the next call saves its start, but it holds one of the
    /// channels that the server allows.
    private static let filesTime: Duration = .seconds(30)

    /// The links in all (`MaxLinks`), open or being opened; each counts for who had it opened.
    private let shares = Shares(200)
    /// The secrets that targets' logins name.
    var secrets = Secrets()

    private let idleTime: Duration
    private let events: Events
    private var places: [Key: Place] = [:]
    private var sweep: LoopTimer?
    private var isShut = false
    private var totals = PoolInfo()

    /// A pool that closes links after `idleTime` without a channel: within it, the next call is
    /// spared the login.
    init(idleTime: Duration = .seconds(600), events: Events = Events()) {
        (self.idleTime, self.events) = (idleTime, events)
    }

    /// The most links in all (`MaxLinks`).
    var limit: Int {
        get { shares.limit }
        set { shares.limit = newValue }
    }

    /// Starts a shell on a terminal.
    func shell(
        on target: SSHTarget, _ options: LinkOptions = LinkOptions(), terminal: TerminalSize
    ) async throws(Fault) -> (channel: Channel, link: Link) {
        try await opened(on: target, options) { link throws(SSHError) in
            try await link.openShell(terminal)
        }
    }

    /// Runs one command, which may depend on the server it runs on.
    func execute(
        on target: SSHTarget, _ options: LinkOptions = LinkOptions(),
        terminal: TerminalSize? = nil, command: @IO (Link) -> String
    ) async throws(Fault) -> (channel: Channel, link: Link) {
        try await opened(on: target, options) { link throws(SSHError) in
            try await link.execute(command(link), terminal: terminal)
        }
    }

    /// Connects from a target to a place, as the target sees it.
    func stream(
        on target: SSHTarget, _ options: LinkOptions, to host: String, port: UInt16
    ) async throws(Fault) -> ChannelStream {
        let (channel, _) = try await opened(on: target, options) { link throws(SSHError) in
            try await link.openStream(to: host, port: port)
        }
        return ChannelStream(channel, peer: "\(host):\(port)")
    }

    /// Has a target listen.
    func listen(
        on target: SSHTarget, _ options: LinkOptions, host: String, port: UInt16
    ) async throws(Fault) -> RemoteListener {
        try await opened(on: target, options) { link throws(SSHError) in
            try await link.listen(on: host, port: port)
        }.channel
    }

    /// Opens a link to a target if there is none.
    func reach(_ target: SSHTarget, _ options: LinkOptions) async throws(Fault) {
        _ = try await opened(on: target, options) { _ in }
    }

    /// Uses the files of a target; nil: its server has no SFTP, which is an error unless the link
    /// `canDoWithout`.
    func files<T>(
        on target: SSHTarget, _ options: LinkOptions,
        canDoWithout: @IO (Link) -> Bool,
        _ body: @IO (SFTP?) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        var user: Held?
        defer { user?.filesInUse -= 1 }
        let (files, _) = try await opened(on: target, options) {
            link throws(SSHError) -> SFTP? in
            let held = self.held(link)
            var files = held?.files
            if files?.failure != nil { files = nil }
            let open: SFTP
            do throws(SSHError) {
                if let missing = held?.missingFiles { throw missing }
                open = if let files { files } else { try await link.openSFTP() }
            } catch {
                guard case .sftpMissing = error, canDoWithout(link) else { throw error }
                held?.missingFiles = error
                return nil
            }
            if files == nil, held?.files?.failure != nil || held?.files == nil {
                held?.files = open
            }
            held?.filesInUse += 1
            user = held
            return open
        }
        return try await body(files)
    }

    private func held(_ link: Link) -> Held? {
        places.values.lazy.flatMap(\.open).first { $0.link === link }
    }

    /// The channel that probes the kernel for the sessions on a link; nil if it is not in this
    /// pool.
    func probes(of link: Link) -> ProbeChannel? {
        held(link)?.probes
    }

    /// The open links, the oldest first; their targets are as this agent names them.
    var open: [LinkInfo] {
        let all = places.flatMap { key, place in place.open.map { (key, $0) } }
        return all.sorted { $0.1.number < $1.1.number }.map { key, held in
            LinkInfo(held.link, target: held.target, via: key.via)
        }
    }

    /// Whether a link to a target with its configured credentials is open.
    func isOpen(to target: SSHTarget) -> Bool {
        places[Key(target, LinkOptions())]?.open.contains { $0.link.isOpen } ?? false
    }

    /// Totals over all links.
    var summary: PoolInfo {
        var now = totals
        now.links = places.values.reduce(0) { $0 + $1.open.count }
        now.opening = places.values.count { $0.opening != nil }
        return now
    }

    /// Closes every link; none is opened afterwards.
    func shutDown() {
        isShut = true
        sweep?.cancel()
        sweep = nil
        let all = places.values.flatMap(\.open)
        places = [:]
        for held in all {
            held.share.giveBack()
            held.link.close()
        }
    }

    // MARK: Channels

    /// The channel that `start` opens, on a link with room for it.
    private func opened<T>(
        on target: SSHTarget, _ options: LinkOptions,
        _ start: @IO (Link) async throws(SSHError) -> T
    ) async throws(Fault) -> (channel: T, link: Link) {
        let key = Key(target, options)
        var full: [ObjectIdentifier] = []
        // Each link that was open may be lost or spent unnoticed, and so may one that is made now.
        var losses = 1 + (places[key]?.open.count ?? 0)
        let deadline = IO.now + (options.loginTimeout ?? .seconds(30))
        while true {
            let link = try await self.link(key, target, options, except: full)
            try await options.confirm?()
            do throws(SSHError) {
                return (try await start(link), link)
            } catch {
                switch error {
                case .channelRefused where held(link)?.closeIdleFiles() == true: continue
                case .channelRefused where losses > 0 && link.isSpent:
                    losses -= 1
                    link.close()
                    drop(link)
                case .channelRefused
                where full.count + 1 < Self.perTarget && link.mayHavePlaceLater:
                    // The server allows no more on this connection (MaxSessions).
                    full.append(ObjectIdentifier(link))
                case .channelRefused where link.mayHavePlaceLater && IO.now < deadline:
                    // All links are full: wait for a free channel.
                    totals.waiting += 1
                    try? await IO.sleep(for: .milliseconds(50))
                    totals.waiting -= 1
                    if Task.isCancelled { throw Fault(error, of: target) }
                    full = []
                case .linkLost where losses > 0:
                    // The link was lost unnoticed; nothing has run yet, so trying again is safe.
                    losses -= 1
                    drop(link, .lost)
                default: throw Fault(error, of: target)
                }
            }
        }
    }

    private func link(
        _ key: Key, _ target: SSHTarget, _ options: LinkOptions, except full: [ObjectIdentifier]
    ) async throws(Fault) -> Link {
        while true {
            if isShut { throw Fault(.unavailable, "the agent is stopping") }
            let free = places[key]?.open.first {
                $0.link.isOpen && $0.isForCaller && !full.contains(ObjectIdentifier($0.link))
            }
            if let free {
                free.unusedSince = nil
                return free.link
            }
            guard let opening = places[key]?.opening else { break }
            switch await opening.value {
            case .success(let link) where held(link)?.isForCaller != false: return link
            // It is another caller's alone.
            case .success: continue
            // This call may have the answer that the other one lacked, and then tries itself.
            case .failure(let fault)
            where fault.question != nil && Asking.current?.hasAnswers == true:
                continue
            case .failure(let fault): throw fault
            }
        }
        let share = try room()
        let place = places[key] ?? Place()
        places[key] = place
        return try await open(key, place, target, options, share).value.get()
    }

    /// Takes a place for one more link; if there is none, the link gives way that has been unused
    /// longest, one of the caller's own if the caller has its share.
    private func room() throws(Fault) -> Shares.Place {
        let principal = Sharer.current
        while true {
            do throws(Lack) {
                return try shares.take(for: principal)
            } catch {
                let unused = places.values.flatMap(\.open).filter { held in
                    guard held.isUnused else { return false }
                    return switch error {
                    case .places: true
                    case .share: held.share.principal == principal
                    }
                }
                let now = IO.now
                let oldest = unused.min { ($0.unusedSince ?? now) < ($1.unusedSince ?? now) }
                guard let oldest else {
                    throw Fault(
                        error, "SSH connections (MaxLinks \(limit) in agent.conf)",
                        "close sessions or cancel commands first, and wait for those that connect")
                }
                drop(oldest.link)
                oldest.link.close()
            }
        }
    }

    /// A link to the target, opened if there is none.
    func link(to target: SSHTarget) async throws(Fault) -> Link {
        try await link(Key(target, LinkOptions()), target, LinkOptions(), except: [])
    }

    /// Whether a link serves one principal alone; one that has left the pool counts as such.
    func isForOne(_ link: Link) -> Bool {
        guard let held = held(link) else { return true }
        return held.principal != nil
    }

    /// The link to a target's last jump host; nil if it has none.
    func jump(to target: SSHTarget) async throws(Fault) -> Link? {
        guard let hop = target.via.last else { return nil }
        return try await link(to: hop)
    }

    private func open(
        _ key: Key, _ place: Place, _ target: SSHTarget, _ options: LinkOptions,
        _ share: Shares.Place
    ) -> Task<Result<Link, Fault>, Never> {
        let task = IO.task { () async -> Result<Link, Fault> in
            let result: Result<Link, Fault>
            var isPersonal = false
            do throws(Fault) {
                let connected = try await self.connect(target, options)
                isPersonal = connected.isPersonal
                result = .success(connected.link)
            } catch {
                result = .failure(error)
            }
            place.opening = nil
            if case .success(let link) = result {
                guard !self.isShut else {
                    share.giveBack()
                    link.close()
                    return .failure(Fault(.unavailable, "the agent is stopping"))
                }
                self.totals.opened += 1
                place.open.append(
                    Held(
                        link, target.name, number: self.totals.opened, share,
                        for: isPersonal ? Sharer.current : nil))
                link.onEnd = { [weak self, weak link] _ in
                    self?.totals.lost += 1
                    link.map { self?.drop($0, .lost) }
                }
                self.events.publish(.link(target.name, .opened))
                self.startSweep()
            } else {
                share.giveBack()
                self.totals.failed += 1
                if place.open.isEmpty { self.places[key] = nil }
            }
            return result
        }
        place.opening = task
        return task
    }

    // MARK: Closing

    private func drop(_ link: Link, _ step: AgentEvent.LinkStep = .closed) {
        for (key, place) in places {
            place.open.removeAll { held in
                guard held.link === link else { return false }
                held.share.giveBack()
                events.publish(.link(held.target, step))
                return true
            }
            if place.open.isEmpty && place.opening == nil { places[key] = nil }
        }
    }

    private func startSweep() {
        guard sweep == nil else { return }
        let step = min(max(idleTime / 4, .milliseconds(10)), .seconds(30))
        sweep = LoopTimer(after: step, repeating: step) { [weak self] in self?.closeIdle() }
    }

    private func closeIdle() {
        let now = IO.now
        for held in places.values.flatMap(\.open) {
            _ = held.closeIdleFiles(after: Self.filesTime)
            guard held.link.channelCount == 0 else {
                held.unusedSince = nil
                continue
            }
            let since = held.unusedSince ?? now
            held.unusedSince = since
            if now - since >= idleTime {
                drop(held.link)
                held.link.close()
            }
        }
        if places.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }
}
