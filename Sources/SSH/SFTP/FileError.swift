// Why a file operation failed, one case per cause. Made where the server's status is read, and by
// the agent for its own files.

/// Why an operation on files failed.
public enum FileError: Error, Equatable, Sendable {
    /// No such file or directory.
    case notFound
    /// The user lacks permission.
    case denied
    /// The agent itself keeps the file closed.
    case closed(reason: String)
    /// The server cannot do this.
    case unsupported
    /// The operation failed for another reason, in the server's words.
    case failed(reason: String)
    /// The operation failed, and the server does not say why.
    case unexplained
    /// The server did not answer within the limit; SFTP is over.
    case timedOut(limit: Duration)
    /// SFTP, or the connection, ended.
    case ended(reason: String)
    /// The server's bytes are not SFTP; SFTP is over.
    case malformed(reason: String)
    /// The caller no longer waits.
    case cancelled
}

extension FileError: CustomStringConvertible {
    /// One plain line.
    public var description: String {
        switch self {
        case .notFound: "there is no such file or directory"
        case .denied: "permission denied"
        case .closed(let reason): reason
        case .unsupported: "the target's server cannot do this"
        case .failed(let reason): reason.isEmpty ? "it failed" : reason
        case .unexplained: "it failed, and the server does not say why"
        case .timedOut(let limit): "the target did not answer within \(limit)"
        case .ended(let reason): "the connection for files ended: \(reason)"
        case .malformed(let reason): "the server does not speak SFTP: \(reason)"
        case .cancelled: "the caller no longer waits"
        }
    }
}

extension FileError {
    /// The disk is full.
    public static let full = FileError.failed(
        reason: "no space is left on its file system: delete something there (host_read with disks"
            + " shows how full it is), then call again")
    /// There is room for no further file.
    public static let fullOfFiles = FileError.failed(
        reason: "its file system has no room for another file (no inode is free): delete some")
    /// The quota is used up.
    public static let quota = FileError.failed(
        reason:
            "the user's quota of its file system is used up: delete something, or have the quota"
            + " raised")
    /// The file system is mounted read-only.
    public static let readOnly = FileError.failed(
        reason: "its file system is read-only: nothing on it can be changed until it is mounted for"
            + " writing")
    /// The name is too long.
    public static let longName = FileError.failed(
        reason: "a name on its path is too long: most file systems take 255 bytes")
    /// Something of this name is there.
    public static let exists = FileError.failed(reason: "it exists already")
    /// A directory is where a file should be.
    public static let isDirectory = FileError.failed(reason: "it is a directory")
    /// The directory has entries.
    public static let notEmpty = FileError.failed(reason: "the directory is not empty")
    /// A rename leads to another file system.
    public static let otherFileSystem = FileError.failed(
        reason: "the two paths are on different file systems: copy, then delete")
    /// Nothing that can be seen explains the failure.
    static let unseen = FileError.failed(
        reason: "it failed, and the server does not say why; the file system has room and can be"
            + " written, so a quota, a mount point or a file in use may be the reason")
}
