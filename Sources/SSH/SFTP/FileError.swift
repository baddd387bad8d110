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
        case .timedOut(let limit): "the target did not answer within \(limit)"
        case .ended(let reason): "the connection for files ended: \(reason)"
        case .malformed(let reason): "the server does not speak SFTP: \(reason)"
        case .cancelled: "the caller no longer waits"
        }
    }
}
