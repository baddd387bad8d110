// file.list: the contents of a directory, down to the requested depth.
// Invariant: links are reported, not followed; directories hidden by the policy are not entered.
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
        try await on(call.target, call.access, for: caller) { reach throws(Fault) in
            let path = try await reach.admit(call.path, for: .reading)
            var listing = FileListing(target: call.target, path: path)
            let found = try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: true)
            }
            guard found.kind == .directory else {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                listing.entries = [FileEntry(name, found)]
                return listing
            }
            let end = IO.now + Self.time
            // Folders still to be read; the next one is the last element.
            var folders: [(path: String, below: String, depth: Int)] = [(path, "", 1)]
            while let folder = folders.popLast() {
                let left = Self.entryLimit - listing.entries.count
                guard left > 0, IO.now < end else {
                    listing.isTruncated = true
                    break
                }
                try await Self.read(folder, call, reach, left, &listing, &folders)
            }
            return listing
        }
    }

    private static func read(
        _ folder: (path: String, below: String, depth: Int), _ call: ListFiles, _ reach: Reach,
        _ limit: Int, _ listing: inout FileListing,
        _ folders: inout [(path: String, below: String, depth: Int)]
    ) async throws(Fault) {
        var entries: [(name: String, attributes: FileAttributes)]
        do throws(FileError) {
            entries = try await reach.store.entries(of: folder.path, limit: limit)
        } catch {
            // An unreadable subdirectory does not fail the whole listing.
            let isSkipped =
                switch error {
                case .denied, .closed, .notFound: folder.depth > 1
                case .unsupported, .failed, .timedOut, .ended, .malformed, .cancelled: false
                }
            guard isSkipped else { throw Fault(error, "\(call.target): \(folder.path)") }
            return
        }
        entries.sort { $0.name < $1.name }
        var deeper: [(path: String, below: String, depth: Int)] = []
        for (name, attributes) in entries {
            let full = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
            guard (try? reach.policy.admit(full, on: reach.names, for: .reading)) != nil else {
                continue
            }
            let below = folder.below + name
            if attributes.kind == .directory, folder.depth < call.depth {
                deeper.append((full, below + "/", folder.depth + 1))
            }
            if let glob = call.glob, !Glob.matches(glob, glob.contains("/") ? below : name) {
                continue
            }
            guard listing.entries.count < entryLimit else {
                listing.isTruncated = true
                return
            }
            var entry = FileEntry(below, attributes)
            if attributes.kind == .link {
                entry.link = try? await reach.store.target(ofLink: full)
            }
            listing.entries.append(entry)
        }
        folders += deeper.reversed()
    }
}

extension FileEntry {
    /// An entry with the attributes that are known.
    init(_ path: String, _ attributes: FileAttributes) {
        self.init(path: path, type: attributes.kind.rawValue)
        size = attributes.size.map { Int(clamping: $0) }
        mode = attributes.mode.map { bits in
            let text = String(bits & 0o7777, radix: 8)
            return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
        }
        owner = attributes.owner.map { "\($0.user):\($0.group)" }
        modified = attributes.modified.map { UTCTime(Int64($0)).rfc3339 }
    }
}
