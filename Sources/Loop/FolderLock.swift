// One process's exclusive right to a state folder, by flock. Invariant: it ends with its process,
// so a crash never leaves a lock behind.
import Glibc

/// A lock file, locked while this object exists.
public final class FolderLock: Sendable {
    private let file: Int32

    private init(file: Int32) { self.file = file }

    deinit { close(file) }

    /// Takes the lock of the file at `path`; nil when another process holds it.
    ///
    /// Throws `system` when the file cannot be made.
    public static func take(_ path: String) throws(LoopError) -> FolderLock? {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw .system(call: "open \(path)", reason: String(cString: strerror(errno)))
        }
        let lock = FolderLock(file: file)
        return flock(file, LOCK_EX | LOCK_NB) == 0 ? lock : nil
    }

    /// Whether a process holds the lock of the file at `path`.
    ///
    /// It makes no file. Asking takes the lock, shared, for some microseconds.
    public static func isHeld(_ path: String) -> Bool {
        // Non-blocking, so that a FIFO under this name cannot hang the program.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }
}
