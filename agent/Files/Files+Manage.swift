// file.manage: makes directories, moves, copies, deletes, and changes modes.
// Invariant: every path of the work, with what is below it, has passed the rules before the first
// change; a failure says how much was done.
import Loop
import SSH
import Wire

extension Files {
    /// How long one call works: the relay's deadline of 105 s must also cover reaching the target.
    private static let manageTime = Duration.seconds(60)

    /// Does what the call asks for.
    ///
    /// What has begun is finished even if the caller stops waiting.
    func manage(_ call: ManageFiles, _ visit: Visit) async throws(Fault) -> FilesManaged {
        try call.check()
        let tally = Tally()
        visit.progress = { tally.progress }
        let caller = visit.caller
        return try await finishing { () throws(Fault) in
            try await self.on(call.place, for: caller) { reach throws(Fault) in
                let work = Management(
                    call: call, reach: reach, end: IO.now + Self.manageTime, tally: tally)
                return try await work.result()
            }
        }
    }

    /// What has been done so far, for progress.
    @IO private final class Tally {
        var (entries, bytes) = (0, 0)
        var progress: CallProgress { CallProgress(bytes: bytes, line: "\(entries) entries done") }
    }

    /// One call of `file.manage`.
    @IO private struct Management {
        let call: ManageFiles
        let reach: Reach
        let end: ContinuousClock.Instant
        let tally: Tally

        func result() async throws(Fault) -> FilesManaged {
            let path: String
            switch call.action {
            case .makeDirectory, .changeMode:
                path = try await reach.admit(call.path, for: .writing)
            case .move, .delete: path = try await reach.admitEntry(call.path, for: .writing)
            case .copy: path = try await reach.admitEntry(call.path, for: .reading)
            }
            var result = FilesManaged(target: reach.target, path: path)
            switch call.action {
            case .makeDirectory: try await makeDirectory(path)
            case .changeMode: try await changeMode(path)
            case .delete: try await delete(path)
            case .move: result.destination = try await move(path)
            case .copy:
                result.destination = try await copy(path)
                result.bytes = tally.bytes
            }
            result.entries = tally.entries
            return result
        }

        // MARK: Making

        private func makeDirectory(_ path: String) async throws(Fault) {
            if let found = try await reach.attributes(path) {
                guard call.isRecursive, found.kind == .directory else {
                    throw fault(path, "it exists already: nothing was changed")
                }
                return
            }
            if call.isRecursive { try await Files.makeParents(of: path, reach) }
            try await reach.do(path) { () throws(FileError) in
                try await reach.store.makeDirectory(path)
            }
            tally.entries += 1
            if let mode = call.mode {
                try await reach.do(path) { () throws(FileError) in
                    try await reach.store.set(Self.mode(mode), of: path)
                }
            }
        }

        private func changeMode(_ path: String) async throws(Fault) {
            guard let mode = call.mode else { return }
            let found = try await entry(path)
            guard call.isRecursive, found.kind == .directory else {
                try await reach.do(path) { () throws(FileError) in
                    try await reach.store.set(Self.mode(mode), of: path)
                }
                tally.entries = 1
                return
            }
            try await keepOffHome(path)
            let entries = try await Files.tree(at: path, found, for: .writing, reach, until: end)
            // Folders last, the deepest first: a mode may close them.
            let files = entries.filter { ![.directory, .link].contains($0.attributes.kind) }
            let folders = entries.filter { $0.attributes.kind == .directory }
            try await each(files, "changed") { entry throws(FileError) in
                try await reach.store.set(Self.mode(mode), of: entry.path)
            }
            for folder in folders.reversed() {
                try await each([folder], "changed") { entry throws(FileError) in
                    try await reach.store.set(Self.mode(mode), of: entry.path)
                }
            }
        }

        // MARK: Deleting

        private func delete(_ path: String) async throws(Fault) {
            try await keepOffHome(path)
            let found = try await entry(path)
            guard found.kind == .directory else {
                try await reach.do(path) { () throws(FileError) in
                    try await reach.store.remove(path)
                }
                tally.entries = 1
                return
            }
            guard call.isRecursive else {
                let inside = try await reach.do(path) { () throws(FileError) in
                    try await reach.store.entries(of: path, limit: 1)
                }
                guard inside.isEmpty else {
                    throw fault(
                        path,
                        "the directory is not empty: nothing was deleted; recursive deletes it with"
                            + " everything below it")
                }
                try await reach.do(path) { () throws(FileError) in
                    try await reach.store.removeDirectory(path)
                }
                tally.entries = 1
                return
            }
            let entries = try await Files.tree(at: path, found, for: .writing, reach, until: end)
            try await each(entries.filter { $0.attributes.kind != .directory }, "deleted") {
                entry throws(FileError) in try await reach.store.remove(entry.path)
            }
            for folder in entries.filter({ $0.attributes.kind == .directory }).reversed() {
                try await each([folder], "deleted") { entry throws(FileError) in
                    try await reach.store.removeDirectory(entry.path)
                }
            }
        }

        // MARK: Moving and copying

        private func move(_ path: String) async throws(Fault) -> String {
            try await keepOffHome(path)
            let found = try await entry(path)
            let new = try await destination(of: path, found)
            if found.kind == .directory, reach.isJudged {
                let entries = try await Files.tree(
                    at: path, found, for: .writing, reach, until: end)
                try await judge(Self.places(of: entries, from: path, to: new))
            }
            do throws(FileError) {
                try await rename(path, to: new)
            } catch {
                throw Fault(
                    Fault(error, "").code,
                    "\(reach.target): \(path): it was not moved to \(new): \(error)"
                        + (error == .unexplained
                            ? " (another file system? then copy and delete)" : ""))
            }
            tally.entries = 1
            return new
        }

        private func rename(_ path: String, to new: String) async throws(FileError) {
            try await reach.store.rename(path, to: new, replacing: call.replaces)
        }

        private func copy(_ path: String) async throws(Fault) -> String {
            let found = try await entry(path)
            let new = try await destination(of: path, found)
            guard found.kind == .directory else {
                try await copy(TreeEntry(path: path, attributes: found), to: new)
                return new
            }
            guard call.isRecursive else {
                throw fault(path, "it is a directory: recursive copies it with everything below it")
            }
            let entries = try await Files.tree(at: path, found, for: .reading, reach, until: end)
            let places = Self.places(of: entries, from: path, to: new)
            for entry in entries {
                guard entry.attributes.kind != .other || entry.attributes.mode == nil else {
                    throw fault(
                        entry.path, "it is a device, a pipe or a socket: nothing was copied")
                }
            }
            try await judge(places)
            for (entry, place) in zip(entries, places) {
                guard IO.now < end else {
                    throw Fault(
                        .timedOut,
                        "\(reach.target): \(path): \(tally.entries) of \(entries.count) entries were"
                            + " copied in \(Files.manageTime): delete \(new), and copy a part at a"
                            + " time")
                }
                do throws(Fault) {
                    try await copy(entry, to: place)
                } catch {
                    throw Fault(
                        failed(error.code),
                        "\(error.message) (\(tally.entries) of \(entries.count) entries were copied"
                            + " to \(new))")
                }
            }
            // Times last: what was copied into a folder has changed it.
            for (entry, place) in zip(entries, places).reversed()
            where entry.attributes.kind == .directory {
                var set = FileAttributes()
                (set.mode, set.modified) = (entry.attributes.mode, entry.attributes.modified)
                try? await reach.store.set(set, of: place)
            }
            return new
        }

        private func copy(_ entry: TreeEntry, to new: String) async throws(Fault) {
            switch entry.attributes.kind {
            case .directory:
                try await reach.do(new) { () throws(FileError) in
                    try await reach.store.makeDirectory(new)
                }
            case .link:
                try await reach.do(new) { () throws(FileError) in
                    let target = try await reach.store.target(ofLink: entry.path)
                    try await reach.store.makeLink(at: new, to: target)
                }
            case .file, .other: try await copyFile(entry, to: new)
            }
            tally.entries += 1
        }

        private func copyFile(_ entry: TreeEntry, to new: String) async throws(Fault) {
            let source = try await reach.do(entry.path) { () throws(FileError) in
                try await reach.store.open(entry.path, .read, mode: nil)
            }
            let was = call.replaces ? try await reach.attributes(new) : nil
            // As cp does: rights that a program gives to whoever runs it are not copied.
            try await reach.put(
                new, was: was, mode: entry.attributes.mode.map { $0 & 0o1777 },
                isNew: was == nil
            ) { file throws(FileError) in
                let pieces = source.pieces(from: 0, upTo: .max)
                var offset: UInt64 = 0
                while true {
                    guard IO.now < end else { throw .failed(reason: "no time is left") }
                    let piece = try await pieces.next()
                    guard !piece.isEmpty else { break }
                    try await file.write(piece, at: offset)
                    offset += UInt64(piece.count)
                    tally.bytes += piece.count
                }
                guard let time = entry.attributes.modified else { return }
                try await file.flush()
                var set = FileAttributes()
                set.modified = time
                try? await file.set(set)
            }
        }

        /// The new path, if it is free, or a file that is to be replaced.
        private func destination(
            of path: String, _ found: FileAttributes
        ) async throws(Fault) -> String {
            let new = try await reach.admitEntry(call.destination ?? "", for: .writing)
            guard new != path, !new.hasPrefix(path == "/" ? path : path + "/") else {
                throw Fault(
                    .invalidArgument, "\"to\" is \(path) itself or below it: nothing was changed")
            }
            let there: FileAttributes
            do throws(FileError) {
                there = try await reach.store.attributes(of: new, followingLinks: false)
            } catch .notFound {
                return new
            } catch {
                throw Fault(error, "\(reach.target): \(new)")
            }
            guard there.kind != .directory else {
                throw fault(
                    new,
                    "it is a directory: nothing was changed; \"to\" must be the new path itself")
            }
            guard call.replaces, found.kind != .directory else {
                throw fault(
                    new,
                    "it exists already: nothing was changed"
                        + (found.kind == .directory ? "" : "; replace replaces it"))
            }
            return new
        }

        // MARK: Parts

        private func entry(_ path: String) async throws(Fault) -> FileAttributes {
            try await reach.do(path) { () throws(FileError) in
                try await reach.store.attributes(of: path, followingLinks: false)
            }
        }

        /// Throws for the root, the home, and what the home is in.
        private func keepOffHome(_ path: String) async throws(Fault) {
            let home = try await reach.do("~") { () throws(FileError) in
                try await reach.store.realPath(".")
            }
            guard path == "/" || path == home || home.hasPrefix(path + "/") else { return }
            throw Fault(
                .fileRefused,
                "\(reach.target): \(path) is the root, the home directory, or a directory that the"
                    + " home is in: file_manage does not \(call.action.rawValue) it")
        }

        private func each(
            _ entries: [TreeEntry], _ done: String,
            _ body: @escaping @IO @Sendable (TreeEntry) async throws(FileError) -> Void
        ) async throws(Fault) {
            let (_, failure) = await Files.each(entries, until: end) { entry in
                do throws(FileError) {
                    try await body(entry)
                    tally.entries += 1
                    return nil
                } catch {
                    return error
                }
            }
            guard let failure else { return }
            throw Fault(
                failed(Fault(failure.error, "").code),
                "\(reach.target): \(failure.entry.path): \(failure.error) (\(tally.entries) entries"
                    + " were \(done) before that)")
        }

        /// The code of a failure: once something was changed, it is never one of those that mean
        /// that nothing was.
        private func failed(_ code: Fault.Code) -> Fault.Code {
            tally.entries > 0 ? .fileFailed : code
        }

        /// Where entries below `path` are when `path` is called `new`.
        private static func places(
            of entries: [TreeEntry], from path: String, to new: String
        ) -> [String] {
            entries.map { entry in
                let below = entry.path.utf8.dropFirst(path.utf8.count)
                return new + String(decoding: below, as: UTF8.self)
            }
        }

        private func judge(_ places: [String]) async throws(Fault) {
            guard reach.isJudged else { return }
            for place in places { _ = try await reach.judge(place, for: .writing) }
        }

        private func fault(_ path: String, _ sentence: String) -> Fault {
            Fault(.fileFailed, "\(reach.target): \(path): \(sentence)")
        }

        private static func mode(_ mode: UInt32) -> FileAttributes {
            var set = FileAttributes()
            set.mode = mode
            return set
        }
    }
}
