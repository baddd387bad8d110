// Whether a program's folder is there, and whose it is. Asks the file system on a worker thread.
internal import Configuration
internal import Crypto
import Glibc
internal import Loop

extension Examination {
    /// Checks that the folder is there, and that nobody but its owner can change what is in it.
    ///
    /// The owner must be this user. `make` says how the folder is made. Returns whether it is there
    /// and this user's: what it names must not be used for somebody else.
    public func folder(_ path: String, make: String) async -> Bool {
        await find(
            "folder", path, within: .seconds(3), late: .hangs(path)
        ) {
            await Blocking.run {
                (Self.folder(path, make: make), Self.isOwn(path))
            }
        } ?? false
    }

    private nonisolated static func isOwn(_ path: String) -> Bool {
        var found = stat()
        return unsafe stat(path, &found) == 0 && (geteuid() != 0 || found.st_uid == 0)
    }

    private nonisolated static func folder(_ path: String, make: String) -> Check.Verdict {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else {
            let code = errno
            return .fault(
                "cannot be read: \(unsafe String(cString: strerror(code)))",
                advice: code == ENOENT ? make : "run doctor as the user who runs the program",
                exit: code == ENOENT ? ExitCode.noInput : ExitCode.noPermission)
        }
        let mode = String(found.st_mode & 0o7777, radix: 8)
        let shown = "belongs to user \(found.st_uid), mode \(mode)"
        do throws(CryptoError) {
            try SecureFile.checkFolder(path)
        } catch {
            return .fault(
                "\(shown): \(error)",
                advice: "chown it to the user who runs the program, and chmod 700 \(path)",
                exit: ExitCode.noPermission)
        }
        guard unsafe faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 else {
            return .fault(
                "\(shown), but this user cannot write there",
                advice: "run doctor as the user who runs the program, or mount it writable",
                exit: ExitCode.noPermission)
        }
        // Root can use the folder of another user; but what that user's configuration names would
        // then run, or be read, as root.
        guard geteuid() != 0 || found.st_uid == 0 else {
            return .fault(
                "\(shown), and doctor runs as root",
                advice: "run it as that user: sudo -u '#\(found.st_uid)' …",
                exit: ExitCode.noPermission)
        }
        return .ok(shown)
    }
}

extension Check.Verdict {
    /// A file system that does not answer.
    public static func hangs(_ path: String) -> Check.Verdict {
        .fault(
            "the file system did not answer in time",
            advice: "look at the mount that holds \(path)", exit: ExitCode.io)
    }
}
