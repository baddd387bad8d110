// The file calls of this agent: resolves the path a caller means, checks that the site allows it,
// then reads or writes through the host's store. Between the dispatcher and Hosts.
// Invariant: every path is checked against the policy, with its links resolved, before it is used.
import Configuration
import Crypto
import Loop
import SSH
import Wire

/// Serves files.
@IO final class Files {
    /// The most calls at once, as each may hold some 8 MiB.
    nonisolated static let limit = 32
    /// The largest file that is hashed and compared, in bytes: it is read into memory.
    nonisolated static let hashLimit = 8 << 20
    /// The most bytes of one write: as base64 they still fit into an MCP message of 4 MiB.
    nonisolated static let writeLimit = 2 << 20
    /// The most entries that one list looks at, which bounds its memory; the tool's result names
    /// this.
    nonisolated static let entryLimit = 10_000

    /// The most greps at once: a heavy one keeps a processor and a thread of the pool for seconds.
    nonisolated static let searchLimit = 3
    /// The most greps of one principal at once.
    nonisolated static let searchShare = 2
    /// How long a grep waits for its turn: some ten heavy ones.
    static let searchTime = Duration.seconds(20)

    private let hosts: Hosts
    /// The raw streams of this agent.
    let streams: Streams
    /// The places of calls.
    let places = Shares(Files.limit)
    /// The places of greps.
    let searches = Shares(Files.searchLimit, share: Files.searchShare)

    /// The turns of calls that change files.
    let turns = FileTurns()

    init(hosts: Hosts, streams: Streams) { (self.hosts, self.streams) = (hosts, streams) }

    /// A session as a way to its host's files.
    struct Origin {
        /// The target as the session shows it.
        let shown: String
        /// Its host, with its login.
        let host: any Host
        let start: Start
    }

    /// Where relative paths begin, in a session.
    struct Start: Sendable {
        /// The directory; nil if it is not known, or is that of another host inside the session.
        let directory: String?
    }

    /// The way that a session is, by its id, if the caller may use its host now.
    var origin: @IO (String, Caller) async throws(Fault) -> Origin = {
        (id, _) throws(Fault) in throw .noSession(id)
    }

    /// The files of one target, for one call.
    @IO struct Reach {
        let store: any FileStore
        /// The machine that the files are on.
        let machine: String
        /// All names of the target, for the policy.
        let names: [String]
        /// The target as the caller wrote it, or as the session shows it.
        let target: String
        /// Where relative paths begin; nil: at the home.
        let start: Start?
        let policy: Policy
        /// What is closed where the target is the agent's own machine.
        let closed: ClosedFiles?

        /// The resolved path, if the policy allows this use of it.
        ///
        /// A path that does not exist yet is judged by where it would be created.
        func admit(_ path: String, for use: PathUse) async throws(Fault) -> String {
            var asked = try written(path)
            // An absolute path must pass as written too, so that the server is never asked about a
            // forbidden one.
            if asked.hasPrefix("/") { asked = try policy.admit(asked, on: names, for: use) }
            let real = try await self.do(path) { () throws(FileError) in try await resolve(asked) }
            if let closed {
                try await self.do(path) { () throws(FileError) in
                    try await closed.admit(real, for: use)
                }
            }
            return try policy.admit(real, on: names, for: use)
        }

        /// A path as it is sent to the store: absolute, or relative to the home.
        private func written(_ path: String) throws(Fault) -> String {
            guard !path.isEmpty, path.utf8.count <= PathRules.longest, !path.utf8.contains(0) else {
                throw Fault(.invalidArgument, "\"path\" must be a path")
            }
            if path == "~" { return "." }
            if path.hasPrefix("~/") { return String(path.dropFirst(2)) }
            guard !path.hasPrefix("/"), let start else { return path }
            guard let folder = start.directory else {
                throw Fault(
                    .invalidArgument,
                    "\"\(path.prefix(200))\" is relative, and the current directory of the session"
                        + " on its own host is not known: give an absolute path")
            }
            return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
        }

        /// The path of an entry itself, which may be a link: its folder is resolved, its name is
        /// not.
        func admitEntry(_ path: String, for use: PathUse) async throws(Fault) -> String {
            var asked = try written(path)
            while asked.count > 1, asked.hasSuffix("/") { asked.removeLast() }
            let parts = asked.split(separator: "/", omittingEmptySubsequences: false)
            let name = parts.last.map(String.init) ?? ""
            guard !["", ".", ".."].contains(name) else { return try await admit(path, for: use) }
            let above = parts.dropLast().joined(separator: "/")
            let folder = try await admit(
                asked.hasPrefix("/") ? "\(above)/" : above.isEmpty ? "~" : "~/\(above)",
                for: .reading)
            return try await judge(folder == "/" ? "/\(name)" : "\(folder)/\(name)", for: use)
        }

        /// The path of an entry whose folder has no links, if it may be used so.
        func judge(_ path: String, for use: PathUse) async throws(Fault) -> String {
            if let closed {
                try await self.do(path) { () throws(FileError) in
                    try await closed.admit(path, for: use)
                }
            }
            return try policy.admit(path, on: names, for: use)
        }

        /// Whether a rule may refuse a path here, so that the agent must know where paths lead.
        var isJudged: Bool { closed != nil || policy.paths.concern(names) }

        /// Whether a folder with this path, without links, may be entered on the agent's own
        /// machine.
        func isOpen(_ path: String) async -> Bool {
            guard let closed else { return true }
            return (try? await closed.admit(path, for: .reading)) != nil
        }

        /// The path with links resolved; its last parts need not exist.
        private func resolve(_ path: String) async throws(FileError) -> String {
            var found: String
            do throws(FileError) {
                found = try await store.realPath(path)
                guard isJudged, !store.followsLinks else { return found }
            } catch .notFound {
                // A missing file must not be called a folder.
                guard !path.hasSuffix("/") else { throw .notFound }
                found = path.hasPrefix("/") ? path : "\(try await store.realPath("."))/\(path)"
            }
            guard found.hasPrefix("/") else {
                throw .failed(reason: "the server does not say where the path leads")
            }
            var walk = LinkWalk(store, isStrict: isJudged)
            return try await walk.end(of: found)
        }

        /// An operation on files, whose failure names the path.
        func `do`<T>(
            _ path: String, _ body: @IO () async throws(FileError) -> T
        ) async throws(Fault) -> T {
            do throws(FileError) {
                return try await body()
            } catch {
                throw Fault(error, "\(target): \(path)")
            }
        }

        /// Bytes of a file from an offset on, fewer only at its end.
        func read(
            _ path: String, from offset: Int, count: Int
        ) async throws(Fault) -> [UInt8] {
            try await self.do(path) { () throws(FileError) in
                try await store.read(path, from: UInt64(offset), count: count)
            }
        }

        /// A file's attributes; nil if the file does not exist.
        func attributes(_ path: String) async throws(Fault) -> FileAttributes? {
            do throws(FileError) {
                return try await store.attributes(of: path, followingLinks: true)
            } catch .notFound {
                return nil
            } catch {
                throw Fault(error, "\(target): \(path)")
            }
        }
    }

    private func place(for id: String, within: Duration?) async throws(Fault) -> Shares.Place {
        let (what, next) = ("places for file calls", "try again when some have ended")
        guard let within else { return try places.take(for: id, of: what, or: next) }
        return try await places.wait(for: id, until: IO.now + within, of: what, or: next)
    }

    /// Serves a call on the files of a target; `within`: how long it waits for a place, instead of
    /// failing at once.
    func on<T: Sendable>(
        _ place: FilePlace, for caller: Caller, within: Duration? = nil,
        _ body: @escaping @IO @Sendable (Reach) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        let taken = try await self.place(for: caller.id, within: within)
        defer { taken.giveBack() }
        return try await reach(place, for: caller, body)
    }

    /// Lets `body` use the files of a target, without a place among the calls: a transfer has one
    /// of its own.
    func reach<T: Sendable>(
        _ place: FilePlace, for caller: Caller,
        _ body: @escaping @IO @Sendable (Reach) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        let (host, target, start): (any Host, String, Start?)
        switch place.way {
        case .target(let name):
            (target, start) = (name, nil)
            host = try await hosts.host(name, place.access, for: caller)
        case .session(let id):
            let origin = try await origin(id, caller)
            (host, target, start) = (origin.host, origin.shown, origin.start)
        }
        let closed = await host.closedFiles?()
        return try await host.files { [hosts] store throws(Fault) in
            try await body(
                Reach(
                    store: store, machine: host.machine, names: host.names, target: target,
                    start: start,
                    policy: hosts.policy, closed: closed))
        }
    }
}

extension Fault {
    /// The fault for a file error; its sentence begins with `what`, the file's target and path.
    init(_ error: FileError, _ what: String) {
        let code: Code =
            switch error {
            case .notFound: .fileNotFound
            case .denied, .closed: .fileRefused
            case .unsupported, .failed, .unexplained: .fileFailed
            case .timedOut: .timedOut
            case .ended: .linkLost
            case .malformed: .channelRefused
            case .cancelled: .unavailable
            }
        self.init(code, "\(what): \(error)")
    }
}
