// file.list: the contents of a directory, down to the requested depth, in the requested order.
// Invariant: links are reported, not followed; directories hidden by the policy are not entered;
// names that no file can have are counted alone, and those that no path can carry are marked.
import Configuration
import Loop
import SSH
import Wire

extension Files {
    /// How long directories are read: the relay's deadline of 105 s must also cover reaching the
    /// target.
    private static let time: Duration = .seconds(20)

    /// Lists a directory, or one file.
    func list(_ call: ListFiles, for caller: Caller) async throws(Fault) -> FileListing {
        try await on(call.place, for: caller) { reach throws(Fault) in
            let path = try await reach.admit(call.path, for: .reading)
            var listing = FileListing(target: reach.target, path: path)
            let found = try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: true)
            }
            guard found.kind == .directory else {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                listing.entries = [FileEntry(name, found)]
                return listing
            }
            let end = IO.now + Self.time
            var tree = FileTree(call)
            // Level by level, so that a limit leaves out what is deepest.
            var level: [FileTree.Folder] = [(path, "", 1)]
            while !level.isEmpty, !tree.isFull {
                var deeper: [FileTree.Folder] = []
                for folder in level {
                    guard tree.room > 0, IO.now < end else {
                        listing.isCut = true
                        break
                    }
                    try await Self.read(folder, call, reach, &tree, &listing, &deeper)
                }
                level = listing.isCut ? [] : deeper
            }
            if !level.isEmpty { listing.isCut = true }
            let chosen = tree.chosen
            listing.more = tree.matching - chosen.count
            for found in chosen {
                var entry = FileEntry(found.path, found.attributes)
                if found.attributes.kind == .link {
                    let full = path == "/" ? "/\(found.path)" : "\(path)/\(found.path)"
                    let way = try? await reach.store.target(ofLink: full)
                    entry.link = way.flatMap {
                        FileEntry.isText($0, limit: PathRules.longest) ? $0 : nil
                    }
                }
                listing.entries.append(entry)
            }
            return listing
        }
    }

    private static func read(
        _ folder: FileTree.Folder, _ call: ListFiles, _ reach: Reach, _ tree: inout FileTree,
        _ listing: inout FileListing, _ deeper: inout [FileTree.Folder]
    ) async throws(Fault) {
        var entries: [(name: String, attributes: FileAttributes)]
        let room = tree.room
        do throws(FileError) {
            // A server may list a link as the folder that it leads to.
            if reach.isJudged, folder.depth > 1 {
                let found = try await reach.store.attributes(
                    of: folder.path, followingLinks: false)
                guard found.kind == .directory else { return }
            }
            entries = try await reach.store.entries(of: folder.path, limit: room)
        } catch {
            // An unreadable subdirectory does not fail the whole listing.
            let isSkipped =
                switch error {
                case .denied, .closed, .notFound: folder.depth > 1
                case .unsupported, .failed, .unexplained, .timedOut, .ended, .malformed, .cancelled:
                    false
                }
            guard isSkipped else { throw Fault(error, "\(reach.target): \(folder.path)") }
            return
        }
        if entries.count > room { listing.isCut = true }
        let all = entries.count
        entries.removeAll { OddName($0.name) == .impossible }
        listing.unusable += all - entries.count
        tree.seen(all)
        entries.sort { $0.name < $1.name }
        for (name, attributes) in entries {
            let full = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
            guard (try? reach.policy.admit(full, on: reach.names, for: .reading)) != nil else {
                continue
            }
            let below = folder.below + name
            let isOdd = OddName(name) != nil
            if attributes.kind == .directory, folder.depth < call.depth, !isOdd,
                await reach.isOpen(full)
            {
                deeper.append((full, below + "/", folder.depth + 1))
            }
            if let glob = call.glob, !Glob.matches(glob, glob.contains("/") ? below : name) {
                continue
            }
            tree.add(below, attributes)
        }
    }
}

/// What a list has found so far, of which it shows the first in its order.
private struct FileTree {
    /// A folder to be read: its path, its path below the listed one, and how deep it is.
    typealias Folder = (path: String, below: String, depth: Int)

    /// The number of entries that matched.
    private(set) var matching = 0
    private var found: [(path: String, attributes: FileAttributes)] = []
    private var looked = 0
    private let order: FileOrder
    private let limit: Int

    init(_ call: ListFiles) { (order, limit) = (call.order, call.limit) }

    /// How many further entries may be looked at.
    var room: Int { max(0, Files.entryLimit - looked) }

    /// Whether deeper levels would not be shown.
    var isFull: Bool { order == .name && matching > limit }

    /// Counts entries that were looked at.
    mutating func seen(_ count: Int) { looked += count }

    /// Adds an entry that matches.
    mutating func add(_ path: String, _ attributes: FileAttributes) {
        matching += 1
        // By name the first ones stay the first.
        if order != .name || found.count < limit { found.append((path, attributes)) }
    }

    /// The entries to show, in their order.
    var chosen: [(path: String, attributes: FileAttributes)] {
        let sorted =
            switch order {
            case .name:
                found.sorted {
                    $0.path.split(separator: "/").lexicographicallyPrecedes(
                        $1.path.split(separator: "/"))
                }
            case .newest:
                found.sorted { ($0.attributes.modified ?? 0) > ($1.attributes.modified ?? 0) }
            case .size: found.sorted { ($0.attributes.size ?? 0) > ($1.attributes.size ?? 0) }
            }
        return Array(sorted.prefix(limit))
    }
}

extension FileEntry {
    /// Whether text is not empty, has no control characters and at most `limit` bytes.
    static func isText(_ text: String, limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count)
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// An entry with the attributes that are known.
    init(_ path: String, _ attributes: FileAttributes) {
        // Only the last part may be odd: such directories are not entered.
        let odd = OddName(String(path.split(separator: "/").last ?? ""))
        self.init(path: odd == nil ? path : OddName.shown(path), type: attributes.kind.rawValue)
        unusable = odd?.reason
        size = attributes.size.map { Int(clamping: $0) }
        mode = attributes.mode.map { bits in
            let text = String(bits & 0o7777, radix: 8)
            return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
        }
        owner = attributes.owner.map { "\($0.user):\($0.group)" }
        modified = attributes.modified.map { UTCTime(Int64($0)).rfc3339 }
    }
}
