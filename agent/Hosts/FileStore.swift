// The files of one target, over SFTP or on this machine, as the file calls use them.
// Invariant: every operation ends, by a value or an error, within its own limit.
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
    /// Makes a directory.
    func makeDirectory(_ path: String) async throws(FileError)
    /// The entries of a directory, about `limit` at most.
    func entries(
        of path: String, limit: Int
    ) async throws(FileError) -> [(name: String, attributes: FileAttributes)]
    /// The bytes from `offset` on: `count` of them, fewer only at the file's end.
    func read(_ path: String, from offset: UInt64, count: Int) async throws(FileError) -> [UInt8]
    /// Writes bytes at `offset`; the file has `mode` afterwards.
    func write(
        _ path: String, _ bytes: [UInt8], at offset: UInt64, _ opening: FileOpening, mode: UInt32?
    ) async throws(FileError)
}

extension SFTP: FileStore {
    var followsLinks: Bool { false }
}
