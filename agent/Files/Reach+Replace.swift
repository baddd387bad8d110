// Replacing a file in one step: a new file beside it takes its name when it is complete.
// Invariant: whoever opens the path finds the old content or the new, and on failure the old stays
// and the new file is removed.
import Crypto
import Loop
import SSH
import Wire

extension Files.Reach {
    /// Replaces the file at a path, whose attributes are `was` (nil: there is none), or makes it.
    ///
    /// The new file has the old one's mode and, where allowed, its owner.
    func replace(
        _ path: String, with bytes: [UInt8], was: FileAttributes?, mode: UInt32? = nil
    ) async throws(Fault) {
        try await put(path, was: was, mode: mode) { file throws(FileError) in
            try await file.write(bytes, at: 0)
        }
    }

    /// Has `fill` write a new file, and gives it the path's name.
    func put(
        _ path: String, was: FileAttributes?, mode: UInt32?, isNew: Bool = false,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(Fault) {
        let beside = try await judge(Self.besides(path), for: .writing)
        do throws(FileError) {
            try await self.fill(beside, was: was, mode: mode, fill)
            if let was {
                let now = try await store.attributes(of: path, followingLinks: true)
                guard now.size == was.size, now.modified == was.modified else {
                    throw .failed(reason: "something else has changed it meanwhile: read it again")
                }
            }
            try await store.rename(beside, to: path, replacing: !isNew)
        } catch {
            // The caller may have stopped waiting: the new file goes all the same.
            let store = store
            await IO.task { try? await store.remove(beside) }.value
            var reason = "\(target): \(path): \(error)"
            if case .unsupported = error {
                reason =
                    "\(target): \(path): the server cannot replace a file in one step: nothing was"
                    + " changed; write without atomic"
            }
            throw Fault(Fault(error, "").code, reason)
        }
    }

    private func fill(
        _ path: String, was: FileAttributes?, mode: UInt32?,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(FileError) {
        // Nobody else may read it before it has the old file's owner and mode.
        let first = was == nil ? mode : 0o600
        let file = try await store.open(path, [.write, .create, .new], mode: first)
        try await fill(file)
        try await file.flush()
        var set = FileAttributes()
        set.mode = mode ?? was?.mode
        if let owner = was?.owner, let own = try await file.attributes().owner, owner != own {
            var moved = FileAttributes()
            moved.owner = owner
            do throws(FileError) {
                try await file.set(moved)
            } catch {
                // Rights that a program gives to whoever runs it are those of its owner.
                set.mode = set.mode.map { $0 & 0o1777 }
            }
        }
        if set.mode != nil { try await file.set(set) }
        // Not every server can; then the rename is what there is.
        try? await file.sync()
        try await file.close()
    }

    /// A name for the new file, in the same folder.
    private static func besides(_ path: String) -> String {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return "\(folder).homeline-\(Hex.encode(Random.bytes(8)))"
    }
}
