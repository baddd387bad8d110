// The room that the machine leaves a program: free disk, and open files.
internal import Configuration
import Glibc
internal import Loop

extension Examination {
    /// Checks that the file system of a folder can be written and has `needed` bytes free.
    public func disk(_ name: String, _ path: String, needed: Int, for what: String) async {
        await check(
            name, path, within: .seconds(3), late: .hangs(path)
        ) { await Blocking.run { Self.disk(path, needed, what) } }
    }

    private nonisolated static func disk(
        _ path: String, _ needed: Int, _ what: String
    ) -> Check.Verdict {
        var figures = statvfs()
        guard unsafe faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0,
            unsafe statvfs(path, &figures) == 0
        else {
            return .fault(
                "cannot be written: \(unsafe String(cString: strerror(errno)))",
                advice: "make it a folder that this user can write; it is for \(what)",
                exit: ExitCode.io)
        }
        // Some file systems count no files: they have 0 of 0 left.
        let isOutOfFiles = figures.f_files > 0 && figures.f_favail == 0
        let bytes = figures.f_bavail.multipliedReportingOverflow(by: figures.f_frsize)
        let free = bytes.overflow ? Int.max : Int(clamping: bytes.partialValue)
        return room(free: free, isOutOfFiles: isOutOfFiles, needed: needed, what)
    }

    /// What free room means for a program that needs `needed` bytes.
    nonisolated static func room(
        free: Int, isOutOfFiles: Bool, needed: Int, _ what: String
    ) -> Check.Verdict {
        let shown = "\(size(free)) free"
        if isOutOfFiles || free < smallest {
            return .fault(
                isOutOfFiles ? "\(shown), but no file can be made (no inodes)" : shown,
                advice: "make room: it is for \(what)", exit: ExitCode.io)
        }
        guard free < needed else { return .ok("writable, \(shown)") }
        return .warning(
            shown, advice: "make room: \(what) may need up to \(size(needed))")
    }

    /// Bytes below which a disk counts as full: the files that a program writes at its start.
    private nonisolated static let smallest = 1 << 20

    /// Bytes for people.
    public nonisolated static func size(_ bytes: Int) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
            return "\(bytes >> shift) \(unit)"
        }
        return "\(bytes) bytes"
    }

    /// Checks that a program may open `needed` files; `limit`: the most that it may.
    public func openFiles(_ limit: Int, needed: Int, for what: String, of whom: String) {
        let came = "\(whom) may open \(limit)"
        note(
            "open-files", "\(needed) for \(what)",
            limit >= needed
                ? .ok(came)
                : .warning(
                    came,
                    advice: "raise the limit: ulimit -n \(needed), or LimitNOFILE=\(needed) in the"
                        + " unit of the service"))
    }
}
