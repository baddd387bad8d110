// file.list: the contents of a directory, down to the requested depth.
// Invariant: links are reported, not followed; directories hidden by the policy are not entered,
// and names that no file can have are counted alone.
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
            // A server may list a link as the folder that it leads to.
            if reach.isJudged, folder.depth > 1 {
                let found = try await reach.store.attributes(
                    of: folder.path, followingLinks: false)
                guard found.kind == .directory else { return }
            }
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
        if entries.count > limit { listing.isTruncated = true }
        let all = entries.count
        entries.removeAll { !FileEntry.isUsable($0.name) }
        listing.unusable += all - entries.count
        entries.sort { $0.name < $1.name }
        var deeper: [(path: String, below: String, depth: Int)] = []
        for (name, attributes) in entries {
            let full = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
            guard (try? reach.policy.admit(full, on: reach.names, for: .reading)) != nil else {
                continue
            }
            let below = folder.below + name
            if attributes.kind == .directory, folder.depth < call.depth, await reach.isOpen(full) {
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
                let way = try? await reach.store.target(ofLink: full)
                entry.link = way.flatMap {
                    FileEntry.isText($0, limit: PathRules.longest) ? $0 : nil
                }
            }
            listing.entries.append(entry)
        }
        folders += deeper.reversed()
    }
}

extension FileEntry {
    /// The longest name in bytes: 255 UTF-16 units, which some file systems allow, take 765.
    private static let longestName = 1024

    /// Whether a file can have this name; another one is a hostile server's, or would act on the
    /// terminal that shows it.
    static func isUsable(_ name: String) -> Bool {
        name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
            && isText(name, limit: longestName)
    }

    /// Whether text is not empty, has no control characters and at most `limit` bytes.
    static func isText(_ text: String, limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count)
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

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
