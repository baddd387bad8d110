// The relay's folder: its database, keys and admin socket, private to one user.
// Invariant: at most one running relay holds a folder; the lock dies with its process.

import Crypto
import Loop

/// The paths of a relay's data folder.
struct DataFolder: Sendable {
    let path: String

    /// The folder asked for, or the one under the XDG state folder.
    ///
    /// `name`: what it is called there.
    init(_ given: String?, named name: String = "relay", environment: [String: String]) {
        if let given, !given.isEmpty {
            path = given
        } else {
            path =
                Process.stateFolder("homeline/\(name)", environment: environment)
                ?? "homeline-\(name)"
        }
    }

    /// Where the admin socket is.
    var socket: String { path + "/admin.sock" }
    /// Where agents of this machine connect to a relay that opens no port.
    var tunnelSocket: String { path + "/tunnel.sock" }
    /// Where the agent of such a relay keeps its state.
    var agent: String { path + "/agent" }
    /// The files of the drop-box.
    var drops: String { path + "/files" }
    /// The configuration file that is read if no other is named.
    var configuration: String { path + "/relay.conf" }

    /// Makes the folder if it is missing; refuses one in which others could put files.
    func make() throws(CryptoError) {
        try SecureFile.makeFolder(path)
        try SecureFile.checkFolder(path)
    }

    /// Takes the folder for this process; nil if a relay already runs on it.
    func lock() throws(LoopError) -> FolderLock? { try FolderLock.take(lockFile) }

    /// Whether a process has the folder.
    var isLocked: Bool { FolderLock.isHeld(lockFile) }

    private var lockFile: String { path + "/relay.lock" }
}
