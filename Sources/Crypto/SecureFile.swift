// Files with secrets: written completely or not at all, and readable by their owner only.
// Invariant: a crash at any moment leaves either the old bytes or the new ones.

import Glibc

/// Small files with secrets, written atomically.
public enum SecureFile {
    /// Writes `bytes` to `path` through a synced temporary file beside it.
    public static func write(
        _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(CryptoError) {
        let temporary = path + ".\(Hex.encode(Random.bytes(6)))"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard file >= 0 else { throw .file(path: path, code: errno) }
        var failure = fill(file, bytes, mode: mode)
        if close(file) != 0, failure == 0 { failure = errno }
        if failure == 0, rename(temporary, path) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(temporary)
            throw .file(path: path, code: failure)
        }
        syncFolder(of: path)
    }

    /// The file's bytes, refused beyond `limit`, or if `admits` refuses the opened file.
    ///
    /// `refusing` are permission bits that the file must not have (`S_IRWXG` and the like); if
    /// there are any, the file must also belong to this user or to root. Throws `open` and
    /// `foreign` where it does not hold, `file` and `fileTooLarge`.
    public static func read(
        _ path: String, limit: Int = 1 << 20, refusing: UInt32 = 0,
        admits: (Int32) -> Bool = { _ in true }
    ) throws(CryptoError) -> [UInt8] {
        // Non-blocking, so that a FIFO or device under this name cannot hang the program.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .file(path: path, code: errno) }
        defer { close(file) }
        guard admits(file) else { throw .file(path: path, code: EACCES) }
        if refusing != 0 {
            var found = stat()
            guard fstat(file, &found) == 0 else { throw .file(path: path, code: errno) }
            try check(found, path, refusing)
        }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file(path: path, code: errno) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else {
                throw .fileTooLarge(path: path, limit: limit)
            }
            bytes += piece[..<count]
        }
    }

    /// The file's size in bytes.
    public static func size(_ path: String) throws(CryptoError) -> Int {
        var found = stat()
        guard stat(path, &found) == 0 else { throw .file(path: path, code: errno) }
        return Int(found.st_size)
    }

    /// Reads the file as `read` does; returns nil if the file does not exist.
    public static func readIfPresent(
        _ path: String, limit: Int = 1 << 20, refusing: UInt32 = 0
    ) throws(CryptoError) -> [UInt8]? {
        do throws(CryptoError) {
            return try read(path, limit: limit, refusing: refusing)
        } catch .file(_, code: ENOENT) {
            return nil
        }
    }

    /// Creates the folder and its missing parents, for the owner only unless another mode is given;
    /// an existing folder is not changed.
    ///
    /// The mode is that which is given, whatever the umask.
    public static func makeFolder(_ path: String, mode: UInt32 = 0o700) throws(CryptoError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? part : "/" + part
            if mkdir(made, 0o700) == 0 {
                if mode != 0o700, chmod(made, mode) != 0 { throw .file(path: made, code: errno) }
            } else if errno != EEXIST {
                throw .file(path: made, code: errno)
            }
        }
    }

    /// Checks that nobody but its owner, who is this user or root, can change what is in a folder;
    /// returns the owner's user id.
    ///
    /// Throws `open`, `foreign` and `file`.
    @discardableResult
    public static func checkFolder(_ path: String) throws(CryptoError) -> UInt32 {
        var found = stat()
        guard stat(path, &found) == 0 else { throw .file(path: path, code: errno) }
        try check(found, path, changeByOthers)
        return found.st_uid
    }

    /// The bits by which others may change a file or folder.
    public static let changeByOthers: UInt32 = S_IWGRP | S_IWOTH
    /// The bits by which those outside its group may do anything with a file: system keys often
    /// belong to a group whose services use them.
    public static let useByStrangers: UInt32 = S_IRWXO
    /// The bits by which others may do anything with a file.
    public static let useByOthers: UInt32 = S_IRWXG | S_IRWXO

    private static func check(
        _ found: stat, _ path: String, _ refusing: UInt32
    ) throws(CryptoError) {
        // Root may use what belongs to another user, as it could become that user.
        let me = geteuid()
        guard found.st_uid == me || found.st_uid == 0 || me == 0 else {
            throw .foreign(path: path, owner: found.st_uid)
        }
        let mode = found.st_mode & 0o7777
        guard mode & refusing == 0 else {
            throw .open(path: path, mode: mode, wanted: mode & ~refusing)
        }
    }

    /// Zero, or the error number of the step that failed.
    private static func fill(_ file: Int32, _ bytes: [UInt8], mode: UInt32) -> Int32 {
        if fchmod(file, mode) != 0 { return errno }  // the umask may have taken bits away
        return bytes.withUnsafeBytes { region in
            var rest = region[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(file, part.baseAddress, part.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { return errno }
                rest = rest.dropFirst(count)
            }
            return fsync(file) == 0 ? 0 : errno
        }
    }

    /// A rename is durable once its folder is synced; on a file system that cannot sync folders,
    /// that is skipped.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { path[..<$0] }
        let file = open(
            folder.map { $0.isEmpty ? "/" : String($0) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = fsync(file)
        close(file)
    }
}
