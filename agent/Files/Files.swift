// The file calls of this agent: which files a caller means, whether the site lets it, then reading
// and writing through the host's store. Between the dispatcher and Hosts.
// Invariant: every path is judged by the policy where it really leads before it is touched.
import Configuration
import Crypto
import Loop
import SSH
import Wire

/// Serves files.
@IO final class Files {
    /// Calls at once: each may hold a few megabytes.
    static let limit = 32
    /// Files up to this are hashed and compared.
    static let hashLimit = 8 << 20
    /// The most bytes of one write.
    static let writeLimit = 2 << 20
    /// Entries of one list.
    static let entryLimit = 1000

    private let hosts: Hosts
    private var running = 0

    init(hosts: Hosts) { self.hosts = hosts }

    /// The files of one target, for one call.
    @IO struct Reach {
        let store: any FileStore
        /// All that the target is known by, for the policy.
        let names: [String]
        /// The target as the caller wrote it.
        let target: String
        let policy: Policy

        /// The path that is really meant, if the policy lets it be used so.
        ///
        /// What does not exist yet is judged by where it would come to be.
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
            // As it is written it must pass too, so that nothing is asked of what may not be used.
            if asked.hasPrefix("/") { asked = try policy.admit(asked, on: names, for: use) }
            let real = try await self.do(path) { () throws(FileError) in try await resolve(asked) }
            return try policy.admit(real, on: names, for: use)
        }

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
                // A link that leads nowhere yet: what is written to it comes to be there.
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

        /// What is known of a file; nil: there is none.
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
        _ target: String, _ access: TargetAccess,
        _ body: @escaping @IO @Sendable (Reach) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        guard running < Self.limit else {
            throw Fault(.limitReached, "\(Self.limit) file calls run on this agent: try again")
        }
        running += 1
        defer { running -= 1 }
        let policy = hosts.policy
        let host = try await hosts.host(target, access)
        return try await host.files { store throws(Fault) in
            try await body(
                Reach(store: store, names: host.names, target: target, policy: policy))
        }
    }
}

extension Fault {
    /// The fault for a file error, whose sentence begins with what it was about.
    init(_ error: FileError, _ what: String) {
        let code: Code =
            switch error {
            case .notFound: .fileNotFound
            case .denied: .fileRefused
            case .unsupported, .failed: .fileFailed
            case .timedOut: .timedOut
            case .ended: .linkLost
            case .malformed: .channelRefused
            case .cancelled: .unavailable
            }
        self.init(code, "\(what): \(error)")
    }
}
