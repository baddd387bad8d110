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
    static let limit = 32
    /// The largest file that is hashed and compared, in bytes: it is read into memory.
    static let hashLimit = 8 << 20
    /// The most bytes of one write: as base64 they still fit into an MCP message of 4 MiB.
    static let writeLimit = 2 << 20
    /// The most entries of one list, which bounds the answer; the tool's description promises this.
    static let entryLimit = 1000

    private let hosts: Hosts
    private var running = 0

    init(hosts: Hosts) { self.hosts = hosts }

    /// The files of one target, for one call.
    @IO struct Reach {
        let store: any FileStore
        /// All names of the target, for the policy.
        let names: [String]
        /// The target as the caller wrote it.
        let target: String
        let policy: Policy
        /// What is closed where the target is the agent's own machine.
        let closed: ClosedFiles?

        /// The resolved path, if the policy allows this use of it.
        ///
        /// A path that does not exist yet is judged by where it would be created.
        func admit(_ path: String, for use: PathUse) async throws(Fault) -> String {
            guard !path.isEmpty, path.utf8.count <= PathRules.longest, !path.utf8.contains(0) else {
                throw Fault(.invalidArgument, "\"path\" must be a path")
            }
            var asked = path
            if path == "~" {
                asked = "."
            } else if path.hasPrefix("~/") {
                asked = String(path.dropFirst(2))
            }
            // An absolute path must pass as written too, so that the server is never asked about a
            // forbidden one.
            if asked.hasPrefix("/") { asked = try policy.admit(asked, on: names, for: use) }
            let real = try await self.do(path) { () throws(FileError) in try await resolve(asked) }
            if let closed {
                try await self.do(path) { () throws(FileError) in try closed.check(real) }
            }
            return try policy.admit(real, on: names, for: use)
        }

        /// The path with links resolved; its last parts need not exist.
        ///
        /// At most 64 parts are missing; a link counts as 8, so that a circle of links ends.
        private func resolve(_ path: String, depth: Int = 0) async throws(FileError) -> String {
            do throws(FileError) {
                return try await store.realPath(path)
            } catch {
                var parts = path.split(separator: "/", omittingEmptySubsequences: false)
                guard error == .notFound, depth < 64, let last = parts.popLast(),
                    !last.isEmpty, last != ".", last != ".."
                else { throw error }
                let parent =
                    parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
                let above = try await resolve(parent, depth: depth + 1)
                let folder = above == "/" ? "" : above
                let full = "\(folder)/\(last)"
                // A dangling link: writing to it creates its target.
                let found = try? await store.attributes(of: full, followingLinks: false)
                guard found?.kind == .link else { return full }
                let way = try await store.target(ofLink: full)
                return try await resolve(
                    way.hasPrefix("/") ? way : "\(folder)/\(way)", depth: depth + 8)
            }
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

    /// Serves a call on the files of a target.
    func on<T: Sendable>(
        _ target: String, _ access: TargetAccess, for caller: Caller,
        _ body: @escaping @IO @Sendable (Reach) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        guard running < Self.limit else {
            throw Fault(.limitReached, "\(Self.limit) file calls run on this agent: try again")
        }
        running += 1
        defer { running -= 1 }
        let policy = hosts.policy
        let host = try await hosts.host(target, access, for: caller)
        let closed = await host.closedFiles?()
        return try await host.files { store throws(Fault) in
            try await body(
                Reach(
                    store: store, names: host.names, target: target, policy: policy,
                    closed: closed))
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
            case .unsupported, .failed: .fileFailed
            case .timedOut: .timedOut
            case .ended: .linkLost
            case .malformed: .channelRefused
            case .cancelled: .unavailable
            }
        self.init(code, "\(what): \(error)")
    }
}
