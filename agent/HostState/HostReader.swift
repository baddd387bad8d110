// host.read and host.report: one script of the agent's own on a target, whose output becomes rows
// or a text. Between the dispatcher and Hosts.
// Invariant: a script ends within its time, and what it prints is bounded.
import JSON
import Loop
import Programs
import Terminal
import Wire

/// Reads what operators ask of hosts.
@IO final class HostReader {
    /// The most scripts at once: each is a channel and a shell at its host.
    nonisolated static let limit = 64
    /// The most of one principal.
    nonisolated static let share = 16
    /// The time of one script; parts of it that may hang end earlier.
    private static let time = Duration.seconds(30)
    /// The most bytes of a script's output that are read: 500 long rows.
    private static let outputLimit = 512 << 10

    private let hosts: Hosts
    private let makeID: @IO () -> String
    let places = Shares(HostReader.limit, share: HostReader.share)

    init(hosts: Hosts, makeID: @escaping @IO () -> String) {
        self.hosts = hosts
        self.makeID = makeID
    }

    /// Serves the `host.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.readHost) { [unowned self] (call: ReadHost, visit) throws(Fault) in
            try await read(call, for: visit.caller).json
        }
        dispatcher.serve(.reportHost) { [unowned self] (call: ReportHost, visit) throws(Fault) in
            let script = HostScript.text(HostScript.report)
            let found = try await run(script, at: call.target, call.access, for: visit.caller)
            let lack = found.lack.map { "note: \($0)\n" } ?? ""
            return ReportHost.json(call.target, lack + Self.cut(found.text, lack.utf8.count))
        }
    }

    private func read(_ call: ReadHost, for caller: Caller) async throws(Fault) -> HostTable {
        let (columns, script) = HostScript.subject(call.subject)
        let text = HostScript.text(script, name: call.name, limit: call.limit)
        let found = try await run(text, at: call.target, call.access, for: caller)
        var table = HostTable(target: call.target, subject: call.subject)
        HostRows(columns).read(
            found.text, query: call.query, limit: call.limit,
            keepsLast: HostScript.keepsLast(call.subject), into: &table)
        if let why = found.lack { table.notes.append(why) }
        return table
    }

    /// What a script printed, and what is missing of it.
    private struct Found {
        let text: String
        var lack: String?
    }

    private func run(
        _ script: [UInt8], at target: String, _ access: TargetAccess, for caller: Caller
    ) async throws(Fault) -> Found {
        let place = try places.take(
            for: caller.id, of: "places for host_read", or: "try again in a few seconds")
        defer { place.giveBack() }
        let host = try await hosts.host(target, access, for: caller)
        let id = makeID()
        let run = CommandRun(
            id: id, target: target, owner: Owner(caller, at: host.address),
            CommandRun.Order(
                preview: "host_read", directory: nil, hasTerminal: false,
                mark: CommandRun.Order.mark(for: id)))
        let process = try await host.execute(
            CommandText(command: "exec /bin/sh"), mark: run.order.mark)
        run.start(process, input: script, timeout: Self.time)
        do throws(Fault) { try await host.confirm() } catch {
            run.cancel("KILL")
            throw error
        }
        // A run that is to end gets its grace, and is given up after its answer's time.
        await run.wait(Self.time + CommandRun.grace + CommandRun.answerTime)
        let end = run.logs.output.end
        var cleaner = CleanText(trims: false)
        cleaner.append(run.logs.output.bytes(0..<min(end, Self.outputLimit))[...])
        var lines = String(decoding: cleaner.finish(), as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)[...]
        // What a start file of the shell prints comes first, and is not the script's.
        guard let first = lines.firstIndex(where: { $0 == HostScript.begin }) else {
            let said =
                (run.logs.output.lastLine(from: 0) ?? run.logs.errors.lastLine(from: 0))
                .map { ": it said \"\($0)\"" } ?? ""
            throw Fault(
                .shellUnusable,
                "\(target): the script of host_read could not run there\(said). It needs an account"
                    + " that may run /bin/sh, and awk.")
        }
        lines = lines[(first + 1)...]
        let last = lines.firstIndex { $0 == HostScript.end }
        let text = lines[..<(last ?? lines.endIndex)].joined(separator: "\n")
        return Found(text: text, lack: last == nil ? Self.lack(of: run, end) : nil)
    }

    private static func lack(of run: CommandRun, _ end: Int) -> String {
        if end > outputLimit { return "more was printed than is read: use query or a lower limit" }
        return run.state == .timedOut
            ? "stopped after \(time.components.seconds) s: rows may be missing"
            : "the script did not come to its end: rows may be missing"
    }

    /// As many whole lines as a report may have.
    private static func cut(_ text: String, _ used: Int) -> String {
        guard text.utf8.count > ReportHost.limit - used else { return text }
        let bytes = Array(text.utf8.prefix(ReportHost.limit - used))
        let end = bytes.lastIndex(of: 10) ?? bytes.count
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
