// Under which names the site's rules know a host: a rule on an alias holds for the host itself,
// however a caller writes it. Beside Targets, which resolves names.
// Invariant: without rules on hosts only the host itself is looked up, and a host that could not be
// looked up in time is refused, not taken for one without rules.
import Configuration
import Loop
import Wire

extension Targets {
    /// The most aliases that one rule is compared with: each may take a lookup.
    private static let aliasLimit = 100

    /// The principal of lookups for rules; no token has an id with spaces.
    private static let rules = "the agent's rules"

    /// All names of a host: as it was written and configured, its addresses, the other aliases that
    /// the rules name and that lead to it, and `local` where it is this machine.
    ///
    /// Throws if a lookup that decides about a rule took longer than `patience`.
    func names(
        of target: SSHTarget, within patience: Duration
    ) async throws(Fault) -> [String] {
        // A host that is called `local` in DNS is not the agent's own machine.
        let own = [target.name, TargetName.ofAlias(target.hostname)]
        let place: Set<String>
        switch await whereabouts.place(of: target, within: patience) {
        case .place(let found): place = found
        case .late: throw .notLookedUp(target.hostname, "no answer in \(patience)")
        case .failed(let reason, _): throw .notLookedUp(target.hostname, reason)
        }
        let isFar = !target.via.isEmpty || target.proxyCommand != nil
        var names = own
        if whereabouts.isThisMachine(place, isFar: isFar) { names.append("local") }
        let patterns = policy.hostPatterns
        guard !patterns.isEmpty else { return names }
        names += place.map { TargetName.ofAlias(HostName.canonical($0)) }
        let others = await aliases(under: patterns).filter { !own.contains($0) }
        let lookups = others.prefix(Self.aliasLimit).map { name in
            // Looked up for the agent: what a caller has under way must not hold up a rule.
            (
                name,
                IO.task {
                    await Sharer.serving(Self.rules) { await self.place(ofAlias: name, patience) }
                }
            )
        }
        for (name, lookup) in lookups {
            switch await lookup.value {
            case .place(let found), .late(last: .some(let found)),
                .failed(_, last: .some(let found)):
                if !place.isDisjoint(with: found) { names.append(name) }
            case .late(last: nil):
                throw .notLookedUp(
                    "\(name), which a rule in agent.conf names,", "no answer in \(patience)")
            // No caller can bring this about: the resolver itself has no answer.
            case .failed(_, last: nil): break
            }
        }
        return names
    }

    private func place(
        ofAlias name: String, _ patience: Duration
    ) async -> Whereabouts.Answer {
        let name = TargetName(host: name, user: nil, port: nil)
        let answer = await IO.within(patience) { () async -> Result<SSHTarget, Fault> in
            do throws(Fault) {
                return .success(try await self.resolve(name))
            } catch {
                return .failure(error)
            }
        }
        let target: SSHTarget?
        switch answer {
        case .success(let found): target = found
        // One that is not usable leads nowhere.
        case .failure(let fault) where ![.timedOut, .limitReached].contains(fault.code):
            target = nil
        // ssh is late, or has no place: a rule must not miss the host for that.
        case nil, .failure:
            target = lastKnown(name)
            if target == nil { return .late(last: nil) }
        }
        guard let target else { return .place([]) }
        return await whereabouts.place(of: target, within: patience)
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
}

extension Fault {
    /// A host whose address is not known, so that no rule can be compared with it.
    fileprivate static func notLookedUp(_ host: String, _ reason: String) -> Fault {
        Fault(
            .unavailable,
            "the address of \(host) is not known (\(reason)), so the agent cannot tell which rules hold"
                + " for it; try again in 10 s, or give an address in place of the name")
    }
}
