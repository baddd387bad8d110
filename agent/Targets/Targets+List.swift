// The list of targets: which match, one page of them, and what is left out. Beside Targets, which
// resolves each. Invariant: names are searched before anything is cut, and what a caller may not
// use, or a rule refuses, is not listed.
import Loop
import Wire

/// A page of the list of targets.
struct TargetPage: Sendable {
    var found: [(info: TargetInfo, target: SSHTarget?)] = []
    /// What the page lacks, and how to get it; nil: nothing.
    var leftOut: String?
}

extension Targets {
    /// How long a list may resolve names: its call has 15 s, of which a probe takes 6 s.
    nonisolated static let listTime = Duration.seconds(6)

    /// A page of the targets that match, within a caller's reach.
    ///
    /// Each comes with its SSH target, unless it is this machine or its configuration is unusable.
    func list(
        _ call: ListTargets, agent: String, within limit: Duration = Targets.listTime,
        reaches: @IO (TargetName) -> Bool = { _ in true }
    ) async -> TargetPage {
        let end = IO.now + limit
        let names = await names(reaches)
        let aliases = names.usable
        var nameless = names.nameless
        var entries = aliases
        let hasLocal = policy.refusalOfLocal == nil && reaches(.local)
        if hasLocal { entries.insert(("local", "local"), at: 0) }
        var unknown = 0
        if let query = call.query?.lowercased(), !query.isEmpty {
            var (matching, others) = (entries, entries)
            matching.removeAll { !"\(agent)/\($0.name)".lowercased().contains(query) }
            others.removeAll { "\(agent)/\($0.name)".lowercased().contains(query) }
            others.removeAll { $0.source == "local" }
            // Other names may lead to a host whose name matches; most queries are about names.
            if await !mayNameHost(query) { others = [] }
            let resolved = await resolved(others, until: end)
            unknown = resolved.count { $0 == nil }
            matching += zip(others, resolved).filter { _, target in
                (try? target?.get().hostname.lowercased().contains(query)) == true
            }.map(\.0)
            entries = matching
            nameless.removeAll { !$0.lowercased().contains(query) }
        }
        let listed = Array(entries.dropFirst(call.offset).prefix(call.limit))
        let answers = await resolved(listed, until: end)
        let verdicts = await denied(answers, until: end)
        var page = TargetPage()
        for ((entry, answer), isDenied) in zip(zip(listed, answers), verdicts) {
            var info = TargetInfo(target: "\(agent)/\(entry.name)", source: entry.source)
            info.note = note(on: entry.name, agent, among: aliases.map(\.name))
            switch answer {
            case _ where entry.source == "local": page.found.append((info, nil))
            case .success(let target):
                guard reaches(target.address), isDenied != true else { continue }
                if isDenied == nil {
                    info.reason =
                        "its address was not found in time, by which this agent's rules may refuse it"
                }
                info.hostname = target.hostname
                info.port = Int(target.port)
                info.user = target.user
                info.via = target.jump
                page.found.append((info, target))
            case .failure(let fault):
                info.reason = fault.message
                page.found.append((info, nil))
            case nil where isRefused(byName: entry.name): unknown += 1
            case nil:
                info.reason = "ssh has not said in time where it leads: ask again, or use it"
                page.found.append((info, nil))
            }
        }
        page.leftOut = Self.leftOut(
            more: entries.count - call.offset - answers.count, next: call.offset + answers.count,
            unknown: unknown, nameless: call.offset == 0 ? nameless : [])
        return page
    }

    /// The names within a caller's reach, and those that ssh takes and no target can be written
    /// for.
    private func names(
        _ reaches: @IO (TargetName) -> Bool
    ) async -> (usable: [(name: String, source: String)], nameless: [String]) {
        var usable: [(name: String, source: String)] = []
        var nameless: [String] = []
        for entry in await named() {
            if let name = try? TargetName(place: entry.name) {
                if reaches(name) { usable.append(entry) }
            } else if reaches(TargetName(host: entry.name, user: nil, port: nil)),
                !isRefused(byName: entry.name)
            {
                nameless.append(entry.name)
            }
        }
        return (usable, nameless)
    }

    /// Whether a rule refuses each target; nil: that is not known at the end of the list's time.
    private func denied(
        _ answers: [Result<SSHTarget, Fault>?], until end: ContinuousClock.Instant
    ) async -> [Bool?] {
        let hosts = answers.map { try? $0?.get() }
        // What a host is called needs no lookup.
        let needsLookup = !policy.hostPatterns.isEmpty || policy.refusalOfLocal != nil
        let queue = Verdicts(
            hosts.map { host in
                host.flatMap { rule(on: $0) != nil ? true : needsLookup ? nil : false }
            })
        // After the end there are 10 ms for what is known.
        let end = max(end, IO.now + .milliseconds(10))
        let work = IO.task { [sharer = "list of \(Sharer.current)"] in
            await Sharer.serving(sharer) {
                let workers = (0..<Self.judgedAtOnce).map { _ in
                    IO.task {
                        while IO.now < end, let index = queue.next(hosts) {
                            guard let host = hosts[index] else { continue }
                            queue.found[index] = await self.isDenied(host)
                        }
                    }
                }
                for worker in workers { await worker.value }
            }
        }
        _ = await IO.within(end - IO.now) { await work.value }
        return queue.found
    }

    /// How many hosts of a list are judged at once: each is compared with up to a hundred others.
    private static let judgedAtOnce = 32

    /// The verdicts so far.
    @IO private final class Verdicts {
        var found: [Bool?]
        private var begun = 0

        init(_ found: [Bool?]) { self.found = found }

        /// The next host without a verdict.
        func next(_ hosts: [SSHTarget?]) -> Int? {
            defer { begun += 1 }
            while begun < hosts.count, hosts[begun] == nil || found[begun] != nil { begun += 1 }
            return begun < hosts.count ? begun : nil
        }
    }

    /// Whether a rule refuses a name, whatever it leads to.
    private func isRefused(byName name: String) -> Bool {
        policy.refusal(
            ofTarget: [name], alsoKnownAs: [TargetName.sshName(name)], user: place.user, port: 22)
            != nil
    }

    /// Whether the configuration names a host, other than by its alias, that a query may find.
    private func mayNameHost(_ query: String) async -> Bool {
        let scan = await scan()
        return scan.isDynamic || scan.hostNames.contains { $0.contains(query) || $0.contains("%") }
            || settings.blocks.contains { $0.hostname?.lowercased().contains(query) == true }
    }

    /// How an alias `local` and this machine are told apart.
    private func note(on name: String, _ agent: String, among names: [String]) -> String? {
        let alias = names.first { TargetName.sshName($0) != $0 }
        guard let alias else { return nil }
        if name == "local" {
            return "the agent's own machine; the host that ssh_config calls local is"
                + " \(agent)/\(alias)"
        }
        guard name == alias else { return nil }
        return "the host that ssh_config calls \(TargetName.sshName(name)); \(agent)/local is the"
            + " agent's own machine"
    }

    private static func leftOut(
        more: Int, next: Int, unknown: Int, nameless: [String]
    ) -> String? {
        var parts: [String] = []
        if more > 0 {
            parts.append(
                "\(more) more \(more == 1 ? "target matches" : "targets match"): give a \"query\", or"
                    + " \"offset\": \(next)")
        }
        if unknown > 0 {
            parts.append(
                "\(unknown) \(unknown == 1 ? "name was" : "names were") not resolved in time, and may"
                    + " lead to a host that matches: ask again")
        }
        if !nameless.isEmpty {
            // Some of them, each cut, show an operator which they are.
            let some = nameless.prefix(5).map {
                "\"\(String($0.prefix(60)).plain(keepsLines: false))\""
            }
            parts.append(
                "\(nameless.count) of the configured names cannot be written as a target"
                    + " (\(some.joined(separator: ", "))): give each host a second name of letters,"
                    + " digits, dots and dashes")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// What the names resolve to, in their order; nil: not known in time.
    private func resolved(
        _ entries: [(name: String, source: String)], until end: ContinuousClock.Instant
    ) async -> [Result<SSHTarget, Fault>?] {
        let answers = Resolutions(entries.count)
        // What a list asks has places of its own: a host that is used does not wait for a list.
        let work = IO.task { [sharer = "list of \(Sharer.current)"] in
            await Sharer.serving(sharer) { await self.resolve(entries, into: answers, until: end) }
        }
        _ = await IO.within(end - IO.now) { await work.value }
        return answers.found
    }

    /// The answers so far.
    @IO private final class Resolutions {
        var found: [Result<SSHTarget, Fault>?]

        init(_ count: Int) { found = Array(repeating: nil, count: count) }
    }

    private func resolve(
        _ entries: [(name: String, source: String)], into answers: Resolutions,
        until end: ContinuousClock.Instant
    ) async {
        // A few at a time: each name that is not known yet is one run of ssh.
        for start in stride(from: 0, to: entries.count, by: 8) where IO.now < end {
            let batch = start..<min(start + 8, entries.count)
            let tasks = batch.filter { entries[$0].source != "local" }.map { index in
                IO.task {
                    do throws(Fault) {
                        let name = try TargetName(place: entries[index].name)
                        answers.found[index] = .success(try await self.resolve(name))
                    } catch {
                        answers.found[index] = .failure(error)
                    }
                }
            }
            for task in tasks { await task.value }
        }
    }
}
