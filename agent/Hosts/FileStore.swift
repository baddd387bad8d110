// The files of one target, over SFTP or on this machine, as the file calls and transfers use them.
// Invariant: every operation ends, by a value or an error, within its own limit, and none holds a
// file as a whole.
import Loop
import SSH

/// The files of a target, as one user sees them.
@IO protocol FileStore {
    /// Whether `realPath` is known to follow every link, as this machine's kernel does.
    ///
    /// Servers differ, and do not say: OpenSSH follows links, others only remove `..`.
    var followsLinks: Bool { get }
    /// The absolute path that a path leads to, with links resolved; a relative path begins at the
    /// home.
    func realPath(_ path: String) async throws(FileError) -> String
    /// Where a symbolic link points.
    func target(ofLink path: String) async throws(FileError) -> String
    /// The attributes of a file.
    func attributes(
        of path: String, followingLinks: Bool
    ) async throws(FileError) -> FileAttributes
    /// What another file of the same name would not have of this one, as far as it can be known.
    func ties(of path: String) async throws(FileError) -> FileTies
    /// The entries of a directory, about `limit` at most.
    func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)]
    /// Opens a file as `opening` says; a file that this makes gets `mode`.
    func open(
        _ path: String, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) -> any OpenFile
    /// Makes a directory.
    func makeDirectory(_ path: String) async throws(FileError)
    /// Makes a symbolic link at a path.
    func makeLink(at path: String, to target: String) async throws(FileError)
    /// Renames a file, a link or a directory.
    ///
    /// With `replacing`, a file of the new name is replaced in one step, or the error is
    /// `unsupported`; otherwise such a file is an error.
    func rename(_ path: String, to new: String, replacing: Bool) async throws(FileError)
    /// Deletes a file or a link.
    func remove(_ path: String) async throws(FileError)
    /// Deletes an empty directory.
    func removeDirectory(_ path: String) async throws(FileError)
    /// Sets the attributes that are there: size, owner, mode, time of the last change.
    ///
    /// A link at the path is followed by a server; on this machine it is an error.
    func set(_ attributes: FileAttributes, of path: String) async throws(FileError)
}

/// What a file has that a new one of its name would not have.
struct FileTies: Equatable, Sendable {
    /// How many names (hard links) lead to it.
    var names = 1
    /// Whether it has access lists, capabilities or other extended attributes.
    var hasExtendedAttributes = false
}

/// A file that a store has opened; it is closed when its last user lets go of it.
@IO protocol OpenFile: AnyObject {
    /// The attributes of the open file.
    func attributes() async throws(FileError) -> FileAttributes
    /// Sets the attributes that are there.
    func set(_ attributes: FileAttributes) async throws(FileError)
    /// The content from an offset on, at most `count` bytes of it; read ahead by a bounded window.
    func pieces(from offset: UInt64, upTo count: UInt64) -> any FilePieces
    /// Writes bytes at an offset; returns when there is room for more.
    ///
    /// The error may be that of an earlier write.
    func write(_ bytes: [UInt8], at offset: UInt64) async throws(FileError)
    /// Waits until everything that was written has been taken.
    func flush() async throws(FileError)
    /// Has the disk keep what was written; `unsupported` where that cannot be asked for.
    func sync() async throws(FileError)
    /// Waits for everything that was written, and closes the file; a full disk may show only here.
    func close() async throws(FileError)
}

/// The content of an open file, piece by piece.
@IO protocol FilePieces: AnyObject {
    /// The next bytes; none at the end.
    func next() async throws(FileError) -> [UInt8]
}

extension FileStore {
    /// The bytes of a small file, or of a part of a file, from `offset` on: `count` of them, fewer
    /// only at the file's end.
    func read(
        _ path: String, from offset: UInt64, count: Int
    ) async throws(FileError) -> [UInt8] {
        let file = try await open(path, .read, mode: nil)
        let pieces = file.pieces(from: offset, upTo: UInt64(count))
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try await pieces.next()
            guard !piece.isEmpty else { break }
            bytes += piece
        }
        return bytes
    }

    /// Writes bytes at `offset`; the file is opened as `opening` says, and has `mode` afterwards.
    func write(
        _ path: String, _ bytes: [UInt8], at offset: UInt64, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) {
        let file = try await open(path, opening, mode: mode)
        try await file.write(bytes, at: offset)
        try await file.flush()
        if let mode {
            var set = FileAttributes()
            set.mode = mode
            try await file.set(set)
        }
        try await file.close()
    }
}

extension SFTP: FileStore {
    /// The most entries of a folder that are looked through for the number of a file's names: some
    /// 20 round trips.
    private static let tiesLimit = 2000

    var followsLinks: Bool { false }

    func ties(of path: String) async throws(FileError) -> FileTies {
        // A folder that cannot be listed hides it.
        let names = try? await links(of: path, limit: Self.tiesLimit)
        return FileTies(names: max(1, (names ?? nil) ?? 1))
    }

    func open(
        _ path: String, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError) -> any OpenFile {
        try await openFile(path, opening, mode: mode)
    }
}

extension OpenFile {
    /// Has the host's disk store the file, where the server can be asked for that; a disk that
    /// fails, or has no room, is an error.
    func syncIfOffered() async throws(FileError) {
        do throws(FileError) { try await sync() } catch .unsupported {}
    }
}

extension SFTPFile: OpenFile {
    func pieces(from offset: UInt64, upTo count: UInt64) -> any FilePieces {
        contents(from: offset, upTo: count)
    }
}

extension SFTPPieces: FilePieces {}
