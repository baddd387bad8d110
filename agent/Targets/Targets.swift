// The targets of this agent: resolves names with the installed `ssh -G` (the real parser of
// ssh_config), and judges them by the rules. Used by Hosts and `target.list`.
// Invariant: every answer comes within the limits of `ssh -G` and of the wait for it, and from
// files as they were at most 10 seconds ago.
import Glibc
import Loop
import SSH
import Wire

/// How the agent finds its targets.
struct TargetSettings: Sendable, Equatable {
    /// The path of the configuration file that these settings are from.
    var file: String?
    /// The ssh_config to read in place of the user's (`SshConfig`).
    var sshConfig: String?
    /// The known_hosts file to read first, and to write (`KnownHosts`).
    var knownHosts: String?
    /// Accepts and stores the keys of hosts that have none stored (`AcceptNew`).
    var acceptNew = false
    /// The operator's settings for hosts (`Target`).
    var blocks: [TargetBlock] = []
}

/// A target, resolved.
enum Target: Sendable, Equatable {
    /// The agent's own machine.
    case local
    /// A host behind SSH, with all the names under which rules know it.
    case ssh(SSHTarget, names: [String])
}

/// Resolves and lists targets.
@IO final class Targets {
    var settings: TargetSettings { didSet { if settings != oldValue { cache = [:] } } }
    /// The site's rules.
    var policy = Policy()
    let place: Place
    /// Whether agent.conf has a secret of this name.
    var knowsSecret: @IO (String) -> Bool = { _ in true }
    private let program: SSHProgram
    private var cache: [TargetName: Known] = [:]
    private let files: ConfigurationFiles
    /// What ssh printed for a name, and the fingerprint of the files it read.
    private struct Known {
        let target: SSHTarget
        let fingerprint: Int
        let since: ContinuousClock.Instant
    }

    /// How long an answer of ssh stays valid.
    private let freshness: Duration
    let whereabouts: Whereabouts
    /// The most names whose configuration or place is kept: callers choose the names, and without a
    /// bound they could fill the memory.
    nonisolated static let namesKept = 1000

    init(
        settings: TargetSettings, place: Place, ssh: String? = "ssh",
        freshness: Duration = .seconds(10), whereabouts: Whereabouts? = nil
    ) {
        self.freshness = freshness
        files = ConfigurationFiles(freshness: freshness)
        self.whereabouts = whereabouts ?? Whereabouts(freshness: freshness)
        self.settings = settings
        self.place = place
        program = SSHProgram(ssh, place)
    }

    /// The target that `target` (`agent/host`) names, if the policy allows this access, and the
    /// caller's pattern covers where it leads.
    ///
    /// `isAgreed`: the call uses what an earlier call began there, so that no person is asked.
    func admit(
        _ target: String, _ access: TargetAccess, for caller: Caller, isAgreed: Bool = false
    ) async throws(Fault) -> Target {
        if access.password != nil, let rule = policy.refusalOfSecretArguments {
            throw .refused("a password in an argument", by: rule)
        }
        if let key = access.key {
            // A key that was pasted in place of its path must not appear in the error.
            guard !key.contains(where: \.isNewline), !key.contains("PRIVATE KEY") else {
                throw Fault(
                    .invalidArgument,
                    "\"key\" is the path of a key file on the agent's machine, not the key itself")
            }
            try await admit(key: key)
        }
        let name = try TargetName(target).with(access)
        if let secret = access.secret,
            !settings.blocks.passwords(on: name.host).contains(secret),
            // One that agent.conf does not have comes from a person, who is shown the host.
            knowsSecret(secret) || Asking.current?.canAsk != true
        {
            throw .secretNotFor(secret, name.host)
        }
        guard !name.isLocal else {
            guard caller.reaches(name) else { throw .targetNotAllowed(target) }
            if let rule = policy.refusalOfLocal { throw .refused("local", by: rule) }
            if !isAgreed { try permit(.local, "local") }
            return .local
        }
        let found = try await resolve(name)
        for host in found.chosenWay + [found] where !caller.reaches(host.address) {
            throw .targetNotAllowed("\(host.address)")
        }
        for hop in found.chosenWay {
            let hopNames = try await check(hop)
            if !isAgreed { try permit(.ssh(hop, names: hopNames), "\(hop.address)") }
        }
        let target = Target.ssh(found, names: try await check(found))
        if !isAgreed { try permit(target, "\(found.address)") }
        return target
    }

    /// The rule by which a person has to agree to calls at a target; nil: none.
    func askRule(of target: Target) -> String? {
        switch target {
        case .local: policy.askRule(ofTarget: ["local"], user: nil, port: nil)
        case .ssh(let host, let names):
            policy.askRule(ofTarget: names + host.ownNames, user: host.user, port: host.port)
        }
    }

    /// Has a person agree to the call that is being served, if a rule on its host demands that.
    private func permit(_ found: Target, _ target: String) throws(Fault) {
        guard let asking = Asking.current, let rule = askRule(of: found) else { return }
        let host: SSHTarget? = if case .ssh(let host, _) = found { host } else { nil }
        try asking.permit(
            by: rule, target: target, place: host?.place)
    }

    /// Throws if a rule refuses the key file that a caller names, as it is written or where its
    /// links lead.
    private func admit(key: String) async throws(Fault) {
        _ = try admit(key, on: .local, for: .reading)
        // A file that is missing now is judged when it is opened.
        guard let real = await Blocking.run({ Self.realPath(key) }) else { return }
        _ = try admit(real, on: .local, for: .reading)
    }

    /// Whether a rule refuses a host that is in use, or a jump host chosen for it; one that cannot
    /// be resolved now is not judged.
    func isRefused(_ host: TargetName) async -> Bool {
        if host.isLocal { return policy.refusalOfLocal != nil }
        guard let target = try? await resolve(host) else { return false }
        for place in target.chosenWay + [target] where await isDenied(place) { return true }
        return false
    }

    /// Whether a rule refuses a host, as far as its addresses are known within 2 s: a list may have
    /// hundreds of hosts, and what is in use does not end because a lookup is late.
    func isDenied(_ host: SSHTarget) async -> Bool {
        do throws(Fault) {
            try await check(host, within: .seconds(2))
            return false
        } catch {
            return error.code == .refusedByPolicy
        }
    }

    /// All names of a host; throws if a rule refuses it, or if its addresses are not known in time.
    @discardableResult
    private func check(
        _ host: SSHTarget, within patience: Duration? = nil
    ) async throws(Fault) -> [String] {
        let what = "\(host.user)@\(host.name)"
        func judge(_ names: [String]) throws(Fault) {
            if let rule = rule(on: host, alsoKnownAs: names) { throw .refused(what, by: rule) }
        }
        // A rule on the name itself needs no lookup.
        try judge([])
        let names = try await names(of: host, within: patience ?? whereabouts.patience)
        try judge(names)
        // A configured name that leads to this machine is the operator's choice: a container's
        // port.
        if names.contains("local"), let rule = policy.refusalOfLocal,
            await !named().contains(where: { $0.name == host.name })
        {
            throw .refused(what, by: rule)
        }
        return names
    }

    /// The rule that refuses a host by its own names or these; nil: none does.
    func rule(on host: SSHTarget, alsoKnownAs names: [String] = []) -> String? {
        // A rule that denies `local` may mean the alias too; none that allows it does.
        let own = [host.name, TargetName.ofAlias(host.hostname)]
        return policy.refusal(
            ofTarget: own, alsoKnownAs: names + [host.sshName, host.hostname], user: host.user,
            port: host.port)
    }

    /// The programs into which a secret may be typed on a host; throws if there are none.
    func programs(forSecret name: String, on host: String) throws(Fault) -> Set<String> {
        let inputs = settings.blocks.secretInputs(on: host).filter { $0.name == name }
        guard !inputs.isEmpty else { throw .secretNotFor(name, host) }
        return inputs.reduce(into: []) { $0.formUnion($1.programs) }
    }

    /// The path as it must be used on a target; throws if a rule refuses it for this use.
    ///
    /// Symbolic links at the target are not seen here: see `PathRules`. Every path that a call
    /// touches is checked, also those it finds below a folder.
    func admit(_ path: String, on target: Target, for use: PathUse) throws(Fault) -> String {
        switch target {
        case .local: try policy.admit(path, on: ["local"], for: use)
        case .ssh(_, let names): try policy.admit(path, on: names, for: use)
        }
    }

    /// What a name resolved to when it was resolved last.
    func lastKnown(_ name: TargetName) -> SSHTarget? { cache[name]?.target }

    /// The target that a name resolves to.
    func resolve(_ name: TargetName) async throws(Fault) -> SSHTarget {
        try await resolve(name, depth: 0)
    }

    private func resolve(_ name: TargetName, depth: Int) async throws(Fault) -> SSHTarget {
        // Running ssh takes longer than reading its files to see that they have not changed.
        let scan = await scan()
        if let known = cache[name],
            IO.now - known.since < freshness
                || (!scan.isDynamic && scan.fingerprint == known.fingerprint)
        {
            return known.target
        }
        var target = SSHTarget(name, place: place)
        if let text = try await program.configuration(of: name, in: settings.sshConfig) {
            target = try await read(text, for: name, target, scan.fileLists)
        }
        guard !target.hostname.contains("/") else {
            throw Fault(
                .nameNotFound,
                "\"\(name)\" is not configured at this agent, and a host's own name has no slash:"
                    + " target_list shows the names")
        }
        target.apply(settings.blocks, home: place.home)
        // What the caller wrote overrides the configuration.
        target.user = name.user ?? target.user
        target.port = name.port ?? target.port
        if !name.via.isEmpty {
            target.jump = name.via.map(\.description).joined(separator: ",")
            target.proxyCommand = nil
            target.hasChosenWay = true
        }
        if let own = settings.knownHosts {
            target.hostKeys.files.removeAll { $0 == own }
            target.hostKeys.files.insert(own, at: 0)
            target.hostKeys.storesNew = true
        }
        target.hostKeys.acceptsNew = target.hostKeys.acceptsNew || settings.acceptNew
        if let lack = target.algorithms.lack { throw .notObeyed(target.name, lack) }
        target.via = try await hops(of: target, depth: depth)
        if cache.count >= Self.namesKept { cache = [:] }
        cache[name] = Known(target: target, fingerprint: scan.fingerprint, since: IO.now)
        return target
    }

    /// A target with what ssh printed about it.
    private func read(
        _ text: String, for name: TargetName, _ target: SSHTarget, _ lists: [[String]]
    ) async throws(Fault) -> SSHTarget {
        var around = Surroundings(place: place, lists: lists, usual: try await program.usual())
        if text.contains("%C") || lists.joined().contains(where: { $0.contains("%C") }) {
            // How ssh makes this hash differs between its versions, so it is asked.
            let answer = try await program.configuration(
                of: name, in: settings.sshConfig, ["-o", "UserKnownHostsFile=/%C"])
            let line = answer?.split(separator: "\n").first { $0.hasPrefix(Self.hashLine) }
            around.connection = line.map { String($0.dropFirst(Self.hashLine.count)) }
        }
        let result = await Blocking.run { [around] () -> Result<SSHTarget, Fault> in
            var target = target
            do throws(Fault) {
                try target.read(text, around)
                return .success(target)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static let hashLine = "userknownhostsfile /"

    /// The jump hosts of a target; as in ssh, those of the first jump host count too.
    private func hops(of target: SSHTarget, depth: Int) async throws(Fault) -> [SSHTarget] {
        guard let jump = target.jump else { return [] }
        guard depth < 8 else {
            throw Fault(.unavailable, "\(target.name): its ProxyJump leads in a circle")
        }
        var hops: [SSHTarget] = []
        for part in jump.split(separator: ",") {
            let text = part.hasPrefix("ssh://") ? part.dropFirst(6) : part
            var hop = try await resolve(try Self.hop(String(text)), depth: depth + 1)
            hops += hops.isEmpty ? hop.via : []
            hop.via = hops
            hops.append(hop)
        }
        return hops
    }

    /// A jump host as the configuration or a caller writes it; `local` is never the agent's own
    /// machine there.
    private static func hop(_ text: String) throws(Fault) -> TargetName {
        let start = text.lastIndex(of: "@").map(text.index(after:)) ?? text.startIndex
        let end = text[start...].lastIndex(of: ":") ?? text.endIndex
        let host = String(text[start..<end])
        return try TargetName(
            place: text[..<start] + TargetName.ofAlias(host) + text[end...])
    }

    /// The names that ssh_config introduces.
    func aliases() async -> [String] { await scan().names }

    /// Patterns of the paths of all private keys that the configuration names, and of the usual
    /// ones.
    func keyPatterns() async -> [String] {
        let named = await scan().keys + settings.blocks.flatMap(\.identityFiles)
        let home = place.home
        let patterns =
            named.map { key in
                // A token of ssh_config(5) (`%h`, `${NAME}`) may stand for anything.
                var pattern = key.hasPrefix("~/") ? place.home + key.dropFirst() : key
                for token in ["%%", "%d", "%u"] {
                    let value = ["%%": "%", "%d": place.home, "%u": place.user][token] ?? ""
                    pattern = pattern.replacing(token, with: value)
                }
                while let percent = pattern.firstIndex(of: "%") {
                    let end = pattern.index(percent, offsetBy: 2, limitedBy: pattern.endIndex)
                    pattern.replaceSubrange(percent..<(end ?? pattern.endIndex), with: "*")
                }
                while let start = pattern.firstRange(of: "${") {
                    let end = pattern[start.upperBound...].firstIndex(of: "}").map(
                        pattern.index(after:))
                    pattern.replaceSubrange(start.lowerBound..<(end ?? pattern.endIndex), with: "*")
                }
                return pattern
            }
            + ["id_rsa", "id_ecdsa", "id_ed25519", "id_dsa", "id_ecdsa_sk", "id_ed25519_sk"].map {
                "\(home)/.ssh/\($0)"
            }
        return await atRealHome(patterns)
    }

    /// Patterns of the paths of the files that decide which programs ssh runs for the agent and
    /// which hosts the agent trusts: `~/.ssh`, the SSH configuration and the known hosts.
    func configurationPatterns() async -> [String] {
        let own = [settings.file, settings.sshConfig, settings.knownHosts].compactMap { $0 }
        return await atRealHome(
            ["\(place.home)/.ssh/*"] + own + (await scan().paths))
    }

    /// The paths, and those in the home again by its real path: a file is judged by its real path.
    private func atRealHome(_ paths: [String]) async -> [String] {
        let home = place.home
        let real = await Blocking.run { Self.realPath(home) }
        guard let real, real != home else { return paths }
        return paths
            + paths.filter { $0.hasPrefix(home + "/") }.map { real + $0.dropFirst(home.count) }
    }

    private nonisolated static func realPath(_ path: String) -> String? {
        guard let found = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }

    /// Every name, with its source; the operator's own first.
    func named() async -> [(name: String, source: String)] {
        var seen: Set<String> = []
        // In agent.conf, `local` is the agent's own machine.
        let own = settings.blocks.flatMap(\.names).map { ($0, "agent.conf") }
            .filter { TargetName.ofAlias($0.0) == $0.0 }
        let all = own + (await aliases()).map { (TargetName.ofAlias($0), "ssh_config") }
        return all.filter { seen.insert($0.0).inserted }
    }

    func scan() async -> ConfigurationFiles.Scan {
        await files.scan(home: place.home, given: settings.sshConfig)
    }
}

extension Fault {
    /// A secret that the configuration does not give to this host.
    fileprivate static func secretNotFor(_ name: String, _ host: String) -> Fault {
        Fault(
            .refusedByPolicy,
            "agent.conf does not give the secret \"\(name.prefix(80))\" to \(host): an operator names"
                + " it in a Target block for that host, as Password or SecretInput"
        )
    }
}
