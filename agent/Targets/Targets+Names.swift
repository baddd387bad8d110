// Under which names the site's rules know a host: a rule on an alias holds for the host itself,
// however a caller writes it. Beside Targets, which resolves names.
// Invariant: without rules on hosts only the host itself is looked up, and that bounded in time.
import Configuration
import Loop
import Wire

extension Targets {
    /// How long the addresses of one host are waited for: a name without an answer is known by its
    /// name alone.
    private static let lookupTime = Duration.seconds(2)
    /// The most aliases that one rule is compared with: each may take a lookup.
    private static let aliasLimit = 100

    /// All names of a host: as it was written and configured, its addresses, the other aliases that
    /// the rules name and that lead to it, and `local` where it is this machine.
    func names(of target: SSHTarget) async -> [String] {
        let own = [target.name, target.hostname]
        let place = await place(of: target)
        let isFar = !target.via.isEmpty || target.proxyCommand != nil
        var names = own
        if isThisMachine(place, isFar: isFar) { names.append("local") }
        let patterns = policy.hostPatterns
        guard !patterns.isEmpty else { return names }
        names += place.map(HostName.canonical)
        let others = await aliases(under: patterns).filter { !own.contains($0) }
        let lookups = others.prefix(Self.aliasLimit).map { name in
            (name, IO.task { await self.place(ofAlias: name) })
        }
        for (name, lookup) in lookups where !place.isDisjoint(with: await lookup.value) {
            names.append(name)
        }
        return names
    }

    /// Whether one of these addresses leads back to this machine: its interfaces', and, unless the
    /// host is behind another one, those of the loopback network and the unspecified one, which the
    /// kernel takes for loopback.
    private func isThisMachine(_ place: Set<String>, isFar: Bool) -> Bool {
        let addresses = place.compactMap { SocketAddress(ip: $0, port: 0) }
        return addresses.contains { address in
            address.isLoopback || address.isWildcard
                ? !isFar : interfaces().contains(HostName.canonical(address.host))
        }
    }

    /// The addresses of this machine's interfaces, at most `freshness` old.
    private func interfaces() -> Set<String> {
        if let known = ownPlace, IO.now - known.since < freshness { return known.place }
        let place = Set(SocketAddress.ofThisMachine.map(HostName.canonical))
        ownPlace = (place, IO.now)
        return place
    }

    private func place(ofAlias name: String) async -> Set<String> {
        let target = try? await resolve(TargetName(host: name, user: nil, port: nil))
        guard let target else { return [] }
        return await place(of: target)
    }

    /// The names that rules name: those of the configuration that fit a pattern, and the patterns
    /// that are names themselves.
    private func aliases(under patterns: [String]) async -> [String] {
        let known = await named().map(\.name)
        let fitting = known.filter { name in
            patterns.contains { Glob.matches($0.lowercased(), name.lowercased()) }
        }
        let plain = patterns.filter { pattern in
            !pattern.contains { "*?".contains($0) } && pattern != "local"
        }
        return fitting + plain.filter { !fitting.contains($0) }
    }

    /// Where a host is: its configured name and the addresses of that name, each in one spelling.
    private func place(of target: SSHTarget) async -> Set<String> {
        let host = HostName.canonical(target.hostname)
        // Its jump host resolves a name that is behind one.
        guard target.via.isEmpty,
            target.proxyCommand == nil || SocketAddress(ip: host, port: 0) != nil
        else { return [host] }
        if let known = places[host], IO.now - known.since < freshness { return known.place }
        let addresses = await IO.within(Self.lookupTime) { () -> [SocketAddress] in
            (try? await DNS.resolve(host, port: 22)) ?? []
        }
        let place = Set([host] + (addresses ?? []).map { HostName.canonical($0.host) })
        if places.count >= Self.namesKept { places = [:] }
        places[host] = (place, IO.now)
        return place
    }
}
