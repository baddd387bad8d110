// Under which names the site's rules know a host: a rule on an alias holds for the host itself,
// however a caller writes it. Beside Targets, which resolves names.
// Invariant: without rules on hosts nothing is looked up.
import Configuration
import Loop
import Wire

extension Targets {
    /// How long the addresses of one host are waited for: a name without an answer is known by its
    /// name alone.
    private static let lookupTime = Duration.seconds(2)

    /// All names of a host: as it was written and configured, its addresses, the other aliases that
    /// the rules name and that lead to it, and `local` where it is this machine.
    func names(of target: SSHTarget) async -> [String] {
        let own = [target.name, target.hostname]
        let patterns = policy.hostPatterns
        guard !patterns.isEmpty else { return own }
        let place = await place(of: target)
        var names = own + place.map(HostName.canonical)
        for name in await aliases(under: patterns) where !own.contains(name) {
            guard let other = try? await resolve(TargetName(host: name, user: nil, port: nil))
            else { continue }
            if !place.isDisjoint(with: await self.place(of: other)) { names.append(name) }
        }
        // A host behind a jump host or a proxy is not this machine, whatever its address is.
        if target.via.isEmpty, target.proxyCommand == nil, Self.isThisMachine(place) {
            names.append("local")
        }
        return names
    }

    /// Whether one of these addresses leads back to this machine: its interfaces', those of the
    /// loopback network, or the unspecified one, which the kernel takes for loopback.
    private static func isThisMachine(_ place: Set<String>) -> Bool {
        let own = SocketAddress.ofThisMachine + ["0.0.0.0", "::"]
        return !place.isDisjoint(with: own.map(HostName.canonical))
            || place.contains { SocketAddress(ip: $0, port: 0)?.isLoopback == true }
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
