// Replacing a file in one step, where that loses nothing: a new file beside it takes its name when
// it is complete. Otherwise the file is overwritten in place.
// Invariant: whoever opens the path of a replaced file finds the old content or the new; a file
// that could not be overwritten gets its old content back.
import Crypto
import Loop
import SSH
import Wire

extension Files.Reach {
    /// Why a file was not replaced, where another way is left; nothing was changed.
    enum Hindrance: Equatable {
        /// The new file cannot take the name: the server cannot do that in one step, or something
        /// is mounted there.
        case rename
        /// The new file cannot have the old one's owner and group.
        case owner
        /// No new file can be made in the folder.
        case folder
        /// The file has more than one name.
        case names(Int)
        /// The file has extended attributes.
        case attributes

        /// What is in the way.
        var words: String {
            switch self {
            case .rename: "another file cannot be given its name in one step"
            case .owner: "a new file cannot be given its owner and group"
            case .folder: "the user may not make a file in its directory"
            case .names(let count): "it has \(count) hard links, and a new file would have one"
            case .attributes:
                "it has access lists or other extended attributes, which a new file would not have"
            }
        }
    }

    /// Replaces the file at a path, whose attributes are `was` (nil: there is none), or makes it.
    ///
    /// The new file has the old one's mode, owner and group; where it would not be what the old one
    /// is, nothing is changed.
    func replace(
        _ path: String, with bytes: [UInt8], was: FileAttributes?, mode: UInt32? = nil
    ) async throws(Fault) {
        let hindrance = try await attempt(path, was: was, mode: mode, keeps: true) {
            file throws(FileError) in try await file.write(bytes, at: 0)
        }
        if let hindrance { throw hindered(path, hindrance) }
    }

    /// Has `fill` write a new file, and gives it the path's name.
    func put(
        _ path: String, was: FileAttributes?, mode: UInt32?, isNew: Bool = false,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(Fault) {
        let hindrance = try await attempt(
            path, was: was, mode: mode, isNew: isNew, keeps: false, fill)
        if let hindrance { throw hindered(path, hindrance) }
    }

    private func hindered(_ path: String, _ hindrance: Hindrance) -> Fault {
        Fault(
            hindrance == .folder ? .fileRefused : .fileFailed,
            "\(target): \(path): it cannot be replaced in one step, as \(hindrance.words): nothing was"
                + " changed; write without atomic, which overwrites it in place")
    }

    /// The same, but says what hinders it where another way is left.
    ///
    /// With `keeps`, a file is not replaced if it would lose its owner, its group, other names or
    /// extended attributes.
    func attempt(
        _ path: String, was: FileAttributes?, mode: UInt32?, isNew: Bool = false, keeps: Bool,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(Fault) -> Hindrance? {
        let beside = try await judge(Self.besides(path), for: .writing)
        let store = store
        if keeps, was != nil {
            let ties = try await self.do(path) { () throws(FileError) in
                try await store.ties(of: path)
            }
            if ties.names > 1 { return .names(ties.names) }
            if ties.hasExtendedAttributes { return .attributes }
        }
        do throws(FileError) {
            let file: any OpenFile
            do throws(FileError) {
                // Nobody else may read it before it has the old file's owner and mode.
                file = try await store.open(
                    beside, [.write, .create, .new], mode: was == nil ? mode : 0o600)
            } catch .denied where was != nil {
                return .folder
            }
            let isOwned = try await complete(file, was: was, mode: mode, fill)
            guard isOwned || !keeps else {
                await IO.task { try? await store.remove(beside) }.value
                return .owner
            }
            if let was { try await checkUnchanged(path, was) }
            do throws(FileError) {
                try await store.rename(beside, to: path, replacing: !isNew)
            } catch {
                await IO.task { try? await store.remove(beside) }.value
                switch error {
                case .unsupported: return .rename
                // A mount point, or a folder that lets only owners replace their files.
                case .failed, .unexplained, .denied:
                    guard was != nil else { throw error }
                    return .rename
                case .notFound, .closed, .timedOut, .ended, .malformed, .cancelled: throw error
                }
            }
            return nil
        } catch {
            // The caller may have stopped waiting: the new file goes all the same.
            await IO.task { try? await store.remove(beside) }.value
            throw Fault(error, "\(target): \(path)")
        }
    }

    /// Overwrites a file, whose content is `old`, without making another; if that fails, it gets
    /// its old content back.
    func overwrite(
        _ path: String, with bytes: [UInt8], old: [UInt8], was: FileAttributes
    ) async throws(Fault) {
        do throws(FileError) {
            try await checkUnchanged(path, was)
            let file = try await store.open(path, .write, mode: nil)
            do throws(FileError) {
                try await Self.fill(file, with: bytes, cuts: bytes.count < old.count)
                try await file.syncIfOffered()
                try await file.close()
            } catch {
                // The old content's blocks are still the file's, also on a full disk.
                let restoring = IO.task { () -> Bool in
                    do throws(FileError) {
                        let again = try await store.open(path, .write, mode: nil)
                        try await Self.fill(again, with: old, cuts: true)
                        return true
                    } catch { return false }
                }
                let end =
                    await restoring.value
                    ? "its old content was written back"
                    : "IT MAY BE WRITTEN IN PART: read it before you go on"
                throw .failed(reason: "\(error); \(end)")
            }
        } catch {
            throw Fault(error, "\(target): \(path)")
        }
    }

    /// Writes this content over an open file's, and with `cuts` removes what is beyond.
    private static func fill(
        _ file: any OpenFile, with bytes: [UInt8], cuts: Bool
    ) async throws(FileError) {
        if !bytes.isEmpty { try await file.write(bytes, at: 0) }
        try await file.flush()
        guard cuts else { return }
        var length = FileAttributes()
        length.size = UInt64(bytes.count)
        try await file.set(length)
    }

    private func checkUnchanged(_ path: String, _ was: FileAttributes) async throws(FileError) {
        let now = try await store.attributes(of: path, followingLinks: true)
        guard now.size == was.size, now.modified == was.modified else {
            throw .failed(reason: "something else has changed it meanwhile: read it again")
        }
    }

    /// Writes the new file; whether it has the old one's owner and group.
    private func complete(
        _ file: any OpenFile, was: FileAttributes?, mode: UInt32?,
        _ fill: @IO (any OpenFile) async throws(FileError) -> Void
    ) async throws(FileError) -> Bool {
        var isOwned = true
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
