// Everything below a directory, looked at before any of it is changed.
// Invariant: each entry has passed the rules, links are entries that are not followed, and the
// number of entries is bounded.
import Loop
import SSH
import Wire

/// An entry of a tree.
struct TreeEntry: Sendable {
    /// Its absolute path.
    let path: String
    /// What the store says of it, links not followed.
    let attributes: FileAttributes
}

extension Files {
    /// The most entries that one `file.manage` changes: some 30 s at a target 20 ms away.
    nonisolated static let treeLimit = 10_000
    /// How many requests on entries are made at once.
    private static let width = 16

    /// The entry at a path and everything below it, each folder before its contents.
    static func tree(
        at path: String, _ found: FileAttributes, for use: PathUse, _ reach: Reach,
        until end: ContinuousClock.Instant
    ) async throws(Fault) -> [TreeEntry] {
        var entries = [TreeEntry(path: path, attributes: found)]
        var next = 0
        while next < entries.count {
            let folder = entries[next]
            next += 1
            guard folder.attributes.kind == .directory else { continue }
            guard IO.now < end else {
                throw Fault(
                    .timedOut,
                    "\(reach.target): looking through \(path) takes too long: nothing was changed")
            }
            let room = treeLimit - entries.count
            let inside = try await reach.do(folder.path) { () throws(FileError) in
                // A server may list a link as the folder that it leads to.
                if folder.path != path {
                    let own = try await reach.store.attributes(
                        of: folder.path, followingLinks: false)
                    guard own.kind == .directory else {
                        throw .failed(reason: "it is not a directory any more")
                    }
                }
                return try await reach.store.entries(of: folder.path, limit: room)
            }
            guard inside.count <= room else {
                throw Fault(
                    .limitReached,
                    "\(reach.target): \(path) has more than \(treeLimit) entries: nothing was"
                        + " changed; use ssh_execute, or take a part at a time")
            }
            for (name, attributes) in inside {
                guard !name.isEmpty, name != ".", name != "..", !name.contains("/"),
                    !name.utf8.contains(0)
                else {
                    throw Fault(
                        .fileFailed,
                        "\(reach.target): \(folder.path) has an entry whose name no file can have:"
                            + " nothing was changed")
                }
                // Names are kept as text: one that is not UTF-8 would lead elsewhere.
                guard !name.unicodeScalars.contains("\u{FFFD}") else {
                    throw Fault(
                        .fileFailed,
                        "\(reach.target): \(folder.path) has an entry whose name is not UTF-8"
                            + " (\(name)): nothing was changed; use ssh_execute for this directory")
                }
                let full = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
                if reach.isJudged { _ = try await reach.judge(full, for: use) }
                entries.append(TreeEntry(path: full, attributes: attributes))
            }
        }
        return entries
    }

    /// Does something to each entry, some at once; returns how many were done before the first
    /// failure, and that failure.
    static func each(
        _ entries: some Collection<TreeEntry>, until end: ContinuousClock.Instant,
        _ body: @escaping @IO @Sendable (TreeEntry) async -> FileError?
    ) async -> (done: Int, failure: (entry: TreeEntry, error: FileError)?) {
        var done = 0
        var rest = Array(entries)[...]
        while !rest.isEmpty {
            let group = rest.prefix(width)
            rest = rest.dropFirst(width)
            guard IO.now < end, !Task.isCancelled, let first = group.first else {
                return (done, group.first.map { ($0, .failed(reason: "no time is left")) })
            }
            guard group.count > 1 else {
                if let error = await body(first) { return (done, (first, error)) }
                done += 1
                continue
            }
            let tasks = group.map { entry in IO.task { (entry, await body(entry)) } }
            var failure: (TreeEntry, FileError)?
            for task in tasks {
                let (entry, error) = await task.value
                if let error { failure = failure ?? (entry, error) } else { done += 1 }
            }
            if let failure { return (done, failure) }
        }
        return (done, nil)
    }
}
