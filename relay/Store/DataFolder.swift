// The relay's folder: its database, keys and admin socket, private to one user.
// Invariant: at most one running relay holds a folder; the lock dies with its process.

import Crypto
import Glibc

/// The paths of a relay's data folder.
struct DataFolder: Sendable {
    let path: String

    /// The folder asked for, or the one under the XDG state folder.
    init(_ given: String?, environment: [String: String]) {
        if let given, !given.isEmpty {
            path = given
        } else if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            path = state + "/homeline/relay"
        } else {
            path = (environment["HOME"] ?? "") + "/.local/state/homeline/relay"
        }
    }

    /// Where the admin socket is.
    var socket: String { path + "/admin.sock" }
    /// The configuration file that is read when no other is named.
    var configuration: String { path + "/relay.conf" }

    /// Makes the folder when it is missing.
    func make() throws(CryptoError) { try SecureFile.makeFolder(path) }

    /// Takes the folder for this process; nil when a relay already runs on it.
    func lock() throws(CryptoError) -> FolderLock? {
        let file = unsafe open(path + "/relay.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .file(path: path + "/relay.lock", code: errno) }
        let lock = FolderLock(file: file)
        return flock(file, LOCK_EX | LOCK_NB) == 0 ? lock : nil
    }
}

/// The right to run a relay on a folder, held until this goes away.
final class FolderLock: Sendable {
    private let file: Int32

    fileprivate init(file: Int32) { self.file = file }

    deinit { close(file) }
}
