// The limits of the agent that others run into, on memory, places and waits, in one list:
// `homeline-agent limits` prints it, and protocol/README.md shows it. Invariant: each row reads the
// constant that the code uses.
import Configuration
import Loop
import SSH
import Tunnel
import Wire

/// The agent's limits.
enum Limits {
    static let all: [Limit] = [
        Limit(
            "sessions, unless agent.conf says otherwise", count: fallback(Settings.maxSessions),
            share: share(of: fallback(Settings.maxSessions)), "`limit_reached`"),
        Limit(
            "SSH connections, unless agent.conf says otherwise",
            count: fallback(Settings.maxLinks),
            share: share(of: fallback(Settings.maxLinks)), "`limit_reached`"),
        Limit("SSH connections to one target", count: Links.perTarget, "`limit_reached`"),
        Limit(
            "a login while the server waits for a person", time: LinkLimits.person,
            "the login fails"),
        Limit(
            "what an SSH server may send before its version line", bytes: LinkLimits.beforeVersion,
            "the connection ends"),
        Limit(
            "what an SSH server may send before the login is over", bytes: LinkLimits.beforeLogin,
            "the connection ends"),
        Limit(
            "memory for the messages of one SSH connection", bytes: LinkLimits.heldByLink,
            "the connection ends"),
        Limit(
            "output in one answer, unless agent.conf says otherwise",
            bytes: fallback(Settings.maxOutput), "the rest is read later"),
        Limit(
            "output kept in memory, of one session or command", bytes: OutputLog.memory,
            "older output goes to a file"),
        Limit(
            "output kept in a file, of one session or command", bytes: OutputLog.spool,
            "the oldest is dropped"),
        Limit(
            "output kept in files, of all sessions and commands (at most a tenth of the free disk)",
            bytes: Spools.limit, share: Spools.share,
            "that of the one that has been quiet longest is dropped"),
        Limit(
            "input that waits for a terminal", bytes: Console.unsentLimit, "the input is refused"),
        Limit(
            "commands that run at once, without sessions, unless agent.conf says otherwise",
            count: fallback(Settings.maxCommands),
            share: share(of: fallback(Settings.maxCommands)), "`limit_reached`"),
        Limit(
            "commands of a principal that run at once on one target, unless agent.conf says otherwise",
            count: fallback(Settings.maxCommandsPerTarget), "`limit_reached`"),
        Limit(
            "commands that are kept for an hour after their end", count: Commands.kept,
            "the oldest is forgotten"),
        Limit(
            "transfers at once", count: Transfers.limit, share: share(of: Transfers.limit),
            "`limit_reached`"),
        Limit(
            "transfers of a principal at once to one target", count: Transfers.perTarget,
            "`limit_reached`"),
        Limit(
            "transfers that are kept for an hour after their end", count: Transfers.kept,
            "the oldest is forgotten"),
        Limit(
            "entries of one transfer", count: Listing.limit, "`limit_reached`"),
        Limit(
            "scripts of host_read at once", count: HostReader.limit, share: HostReader.share,
            "`limit_reached`"),
        Limit(
            "calls with a key that are served at the same time", count: Journal.runLimit, "`busy`"),
        Limit(
            "keys that are remembered, in two files",
            count: 2 * JournalSegment.entryLimit, "the older half is forgotten"),
        Limit(
            "time for which a key is remembered", time: .seconds(2 * JournalSegment.age),
            "the older half is forgotten"),
        Limit(
            "replies in these files", bytes: 2 * JournalSegment.fileLimit,
            "later ones are kept in memory"),
        Limit(
            "a reply in these files", bytes: JournalSegment.replyLimit,
            "`outcome_unknown` after a restart"),
        Limit(
            "replies that are kept in memory alone, for 10 minutes", bytes: Journal.memoryLimit,
            "`outcome_unknown` for the oldest"),
        Limit(
            "events that the relay has not asked beyond", count: Events.limit,
            "the oldest are dropped, and the relay learns of it"),
        Limit(
            "file calls at once", count: Files.limit, share: share(of: Files.limit),
            "`limit_reached`"),
        Limit(
            "forwards", count: Forwards.limit, share: share(of: Forwards.limit),
            "`limit_reached`"),
        Limit(
            "connections of all forwards", count: Forwards.connectionLimit,
            share: share(of: Forwards.connectionLimit), "the connection is closed"),
        Limit(
            "connections of one remote forward", count: Forward.remoteLimit,
            "the connection is closed"),
        Limit(
            "streams, with the tickets that were not used yet", count: Streams.limit,
            share: Streams.share,
            "the one that has waited longest for a tunnel ends, or `limit_reached`"
        ),
        Limit(
            "bytes of streams that may have to be sent again", bytes: Streams.keptBytes,
            share: Streams.keptShare, "the streams wait for their readers"),
        Limit(
            "time to open a stream with its ticket", time: StreamTicket.time, "404"),
        Limit(
            "time for which a stream waits for its next tunnel", time: LastingStream.patience,
            "the stream ends"),
        Limit(
            "greps at once", count: Files.searchLimit, share: Files.searchShare,
            "they wait in turns, then `limit_reached`"),
        Limit(
            "names that are looked up at once", count: DNS.limit, share: share(of: DNS.limit),
            "they wait in turns, then the lookup fails"),
        Limit(
            "runs of `ssh -G` at once", count: SSHProgram.limit, share: SSHProgram.share,
            "they wait in turns, then `limit_reached`"),
        Limit(
            "runs of `ssh -G` that take longer than a second, beside those",
            count: SSHProgram.limit,
            share: SSHProgram.share, "they wait in turns, then `limit_reached`"),
        Limit(
            "checks of `target_list` with `probe` at once", count: TargetProbe.checkLimit, share: 1,
            "they wait in turns, then the targets are unknown"),
        Limit("one write to a file", bytes: Files.writeLimit, "`invalid_argument`"),
        Limit("a file that is hashed", bytes: Files.hashLimit, "it has no hash"),
        Limit(
            "entries that one list of files looks at", count: Files.entryLimit, "the list is cut"),
        Limit("a request or reply", bytes: tunnel.bodyBytes, "the call fails"),
        Limit("calls at once", count: Int(tunnel.concurrentStreams), "they wait at the relay"),
        Limit(
            "the relay's silence before a ping", time: tunnel.pingTime(.responder), "a ping is sent"
        ),
        Limit(
            "the relay's silence that ends the tunnel", time: tunnel.silence, "it dials again"),
        Limit(
            "the relay's silence that ends the tunnel during a call", time: tunnel.callSilence,
            "it dials again"),
    ]

    private static let tunnel = RelayConnection.limits

    private static func share(of limit: Int) -> Int { Shares.share(of: limit) }

    private static func fallback(_ setting: Setting) -> Int {
        setting.fallback.flatMap { Int($0) } ?? 0
    }
}
