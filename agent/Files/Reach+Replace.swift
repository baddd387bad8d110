// Replacing a file in one step: a new file beside it takes its name when it is complete.
// Invariant: whoever opens the path finds the old content or the new, and on failure the old stays
// and the new file is removed.
import Crypto
import Loop
import SSH
import Wire

extension Files.Reach {
    /// Why a file was not replaced, where another way is left; nothing was changed.
    enum Hindrance {
        /// The server cannot give a file's name to another in one step.
        case rename
        /// The new file cannot have the old one's owner and group.
        case owner
    }

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
        let hindrance = try await attempt(
            path, was: was, mode: mode, isNew: isNew, keepsOwner: false, fill)
        guard hindrance == nil else {
            throw Fault(
                .fileFailed,
                "\(target): \(path): the server cannot replace a file in one step: nothing was"
                    + " changed; write without atomic")
        }
    }

    /// The same, but says what hinders it where another way is left; `keepsOwner`: a file that
    /// would change its owner or group is not replaced.
    func attempt(
        _ path: String, was: FileAttributes?, mode: UInt32?, isNew: Bool = false, keepsOwner: Bool,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(Fault) -> Hindrance? {
        let beside = try await judge(Self.besides(path), for: .writing)
        let store = store
        do throws(FileError) {
            let isOwned = try await self.fill(beside, was: was, mode: mode, fill)
            guard isOwned || !keepsOwner else {
                await IO.task { try? await store.remove(beside) }.value
                return .owner
            }
            if let was {
                let now = try await store.attributes(of: path, followingLinks: true)
                guard now.size == was.size, now.modified == was.modified else {
                    throw .failed(reason: "something else has changed it meanwhile: read it again")
                }
            }
            do throws(FileError) {
                try await store.rename(beside, to: path, replacing: !isNew)
            } catch .unsupported {
                await IO.task { try? await store.remove(beside) }.value
                return .rename
            }
            return nil
        } catch {
            // The caller may have stopped waiting: the new file goes all the same.
            await IO.task { try? await store.remove(beside) }.value
            throw Fault(error, "\(target): \(path)")
        }
    }

    /// Writes the new file; whether it has the old one's owner and group.
    private func fill(
        _ path: String, was: FileAttributes?, mode: UInt32?,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(FileError) -> Bool {
        var isOwned = true
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
                isOwned = false
                // Who may change no owner may often give the file to a group of its own.
                moved.owner = (own.0, owner.1)
                if owner.1 != own.1 { try? await file.set(moved) }
                // Rights that a program gives to whoever runs it are those of its owner.
                set.mode = set.mode.map { $0 & 0o1777 }
            }
        }
        if set.mode != nil { try await file.set(set) }
        try await file.syncIfOffered()
        try await file.close()
        return isOwned
    }

    /// A name for the new file, in the same folder.
    private static func besides(_ path: String) -> String {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return "\(folder).homeline-\(Hex.encode(Random.bytes(8)))"
    }
}
