// file.find: looks through the levels below a directory, one after the other.
// Invariant: links are not followed, entries, depth, time and content are bounded, and what was not
// looked at is named.
import Configuration
import Glibc
import Loop
import SSH
import Terminal
import Wire

extension Files {
    /// The most entries that one search looks at.
    nonisolated static let findLimit = 100_000
    /// The most entries of one directory that a search looks at.
    private static let folderLimit = 20_000
    /// The bytes of a file that are searched for a line.
    private static let grepLimit = 1 << 20
    /// How many things that were not looked at are named for each reason.
    private static let namesLimit = 3

    /// Looks for files.
    func find(_ call: FindFiles, _ visit: Visit) async throws(Fault) -> FilesFound {
        let pattern = try Self.pattern(call.grep)
        let tally = Looked()
        visit.progress = { tally.progress }
        let caller = visit.caller
        return try await on(call.place, for: caller) { reach throws(Fault) in
            let place = pattern == nil ? nil : try await self.searchPlace(for: caller)
            defer { place?.giveBack() }
            let path = try await reach.admit(call.path, for: .reading)
            let found = try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: true)
            }
            guard found.kind == .directory else {
                throw Fault(
                    .fileFailed, "\(reach.target): \(path) is not a directory: file_list shows it")
            }
            var search = Search(call, pattern, reach, tally, path)
            try await search.run()
            return search.result
        }
    }

    /// How much was looked at, for progress.
    @IO private final class Looked {
        var (entries, found, folder) = (0, 0, "")
        var progress: CallProgress {
            CallProgress(bytes: 0, line: "\(entries) entries looked at, \(found) found; \(folder)")
        }
    }

    /// One search.
    @IO private struct Search {
        var result: FilesFound
        private let call: FindFiles
        private let pattern: LinePattern?
        private let reach: Reach
        private let tally: Looked
        private let end: ContinuousClock.Instant
        private let now = UInt32(clamping: time(nil))
        /// What was not looked at, by reason: how often, and the first names.
        private var unlooked: [String: (count: Int, names: [String])] = [:]

        init(
            _ call: FindFiles, _ pattern: LinePattern?, _ reach: Reach, _ tally: Looked,
            _ path: String
        ) {
            (self.call, self.pattern, self.reach, self.tally) = (call, pattern, reach, tally)
            end = IO.now + call.time
            result = FilesFound(target: reach.target, path: path)
        }

        mutating func run() async throws(Fault) {
            var level = [(path: result.path, below: "")]
            var depth = 1
            while !level.isEmpty, !result.isCut {
                var deeper: [(path: String, below: String)] = []
                for folder in level {
                    guard !isOver else { break }
                    try await look(into: folder, &deeper)
                }
                if depth == call.depth {
                    for folder in deeper { leave(folder.below, "deeper than depth") }
                    deeper = []
                }
                (level, depth) = (deeper, depth + 1)
            }
            result.looked = tally.entries
            result.unlooked = unlooked.sorted { $0.key < $1.key }.map { reason, what in
                let more = what.count - what.names.count
                return what.names.joined(separator: ", ")
                    + (more > 0 ? " and \(more) more" : "") + ": \(reason)"
            }
        }

        private var isOver: Bool {
            mutating get {
                if result.entries.count >= call.limit || IO.now >= end || Task.isCancelled
                    || tally.entries >= findLimit
                {
                    result.isCut = true
                }
                return result.isCut
            }
        }

        private mutating func leave(_ name: String, _ reason: String) {
            unlooked[reason, default: (0, [])].count += 1
            if unlooked[reason]?.names.count ?? 0 < namesLimit {
                unlooked[reason]?.names.append(name)
            }
        }

        private mutating func look(
            into folder: (path: String, below: String),
            _ deeper: inout [(path: String, below: String)]
        ) async throws(Fault) {
            tally.folder = folder.path
            var entries: [(name: String, attributes: FileAttributes)]
            do throws(FileError) {
                // A server may list a link as the folder that it leads to.
                if !folder.below.isEmpty {
                    let own = try await reach.store.attributes(
                        of: folder.path, followingLinks: false)
                    guard own.kind == .directory else { return }
                }
                entries = try await reach.store.entries(of: folder.path, limit: folderLimit)
            } catch {
                switch error {
                case .denied, .closed, .notFound, .failed, .unexplained, .unsupported:
                    guard !folder.below.isEmpty else {
                        throw Fault(error, "\(reach.target): \(folder.path)")
                    }
                    return leave(folder.below, "\(error)")
                case .timedOut, .ended, .malformed, .cancelled:
                    throw Fault(error, "\(reach.target): \(folder.path)")
                }
            }
            if entries.count > folderLimit { leave(folder.below + "*", "too many entries") }
            entries.sort { $0.name < $1.name }
            for (name, attributes) in entries.prefix(folderLimit) {
                guard !isOver else { return }
                tally.entries += 1
                let below = folder.below + name
                let odd = OddName(name)
                guard odd != .impossible else {
                    leave(folder.below + "?", OddName.impossible.reason)
                    continue
                }
                let full = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
                // What the rules hide is not even named.
                guard (try? reach.policy.admit(full, on: reach.names, for: .reading)) != nil else {
                    continue
                }
                if let odd {
                    leave(OddName.shown(below), odd.reason)
                    continue
                }
                if attributes.kind == .directory {
                    if await reach.isOpen(full) {
                        deeper.append((full, below + "/"))
                    } else {
                        leave(below, "file tools keep out of it")
                    }
                }
                guard matches(name, below, attributes) else { continue }
                guard pattern != nil else {
                    add(FilesFound.Entry(FileEntry(below, attributes)))
                    continue
                }
                if attributes.kind == .file, let line = try await line(of: full, below) {
                    add(FilesFound.Entry(FileEntry(below, attributes), line: line))
                }
            }
        }

        private mutating func add(_ entry: FilesFound.Entry) {
            result.entries.append(entry)
            tally.found += 1
        }

        private func matches(
            _ name: String, _ below: String, _ attributes: FileAttributes
        ) -> Bool {
            if let glob = call.name, !Glob.matches(glob, glob.contains("/") ? below : name) {
                return false
            }
            if let type = call.type, type != attributes.kind.rawValue { return false }
            if call.leastSize != nil || call.mostSize != nil {
                guard attributes.kind == .file, let size = attributes.size,
                    size >= UInt64(call.leastSize ?? 0),
                    size <= UInt64(call.mostSize ?? Int.max)
                else { return false }
            }
            if call.newerThan != nil || call.olderThan != nil {
                guard let modified = attributes.modified else { return false }
                let age = Duration.seconds(Int64(now) - Int64(modified))
                guard age <= call.newerThan ?? age, age >= call.olderThan ?? age else {
                    return false
                }
            }
            return true
        }

        /// The first line of a file that matches.
        private mutating func line(
            of path: String, _ below: String
        ) async throws(Fault) -> FileContent.Match? {
            guard let pattern else { return nil }
            let text: [UInt8]
            do throws(FileError) {
                text = try await reach.store.read(path, from: 0, count: grepLimit + 1)
            } catch {
                switch error {
                case .denied, .closed, .notFound, .failed, .unexplained, .unsupported:
                    leave(below, "\(error)")
                    return nil
                case .timedOut, .ended, .malformed, .cancelled:
                    throw Fault(error, "\(reach.target): \(path)")
                }
            }
            // Pattern instructions times bytes, as in file.read.
            let most = min(grepLimit, max(1 << 16, (1 << 29) / max(1, pattern.size)))
            if text.count > most { leave(below, "searched to its first \(most) bytes only") }
            return await Blocking.run {
                // One byte of room: the first match is always given, and no other.
                FileSearch.lines(
                    in: Array(text.prefix(most)), matching: pattern, at: 0, isEnd: true, limit: 1
                ).matches.first
            }
        }
    }
}
