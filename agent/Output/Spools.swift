// The disk that the outputs of all sessions and commands may fill, and the share of one principal.
// Flow: a spool file asks Spools before it grows; if the budget is used up, another file gives up
// its bytes. Invariant: the files together stay within the budget; a principal with less than the
// others never pays for one with more.
import Glibc
import Loop

/// The spool files of an agent, and their budget.
@IO final class Spools {
    /// The most bytes of all files, which leaves a disk of usual size to others.
    nonisolated static let limit = 2 << 30
    /// The most bytes of one principal's files: half, so that another one finds room.
    nonisolated static let share = limit / 2
    /// The part of the free disk that the files may fill, where that is less: a tenth.
    private static let part = 10

    /// Those of this process; what the disk has free is read when the first output needs a file.
    static let shared = Spools(limit: min(limit, free / part))

    /// The folder of the files.
    static var folder: String {
        unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    }

    private static var free: Int {
        var figures = statvfs()
        guard unsafe statvfs(folder, &figures) == 0 else { return 0 }
        let bytes = figures.f_bavail.multipliedReportingOverflow(by: figures.f_frsize)
        return bytes.overflow ? Int.max : Int(clamping: bytes.partialValue)
    }

    private let budget: ByteBudget
    private var files: [ObjectIdentifier: Entry] = [:]
    private var growths = 0

    private struct Entry {
        weak var file: SpoolFile?
        let holder: String
        /// The number of its last growth, counted over all files.
        var lastGrowth = 0
    }

    /// A budget of `limit` bytes, of which one principal may have half.
    nonisolated init(limit: Int) { budget = ByteBudget(limit: limit, share: limit / 2) }

    /// The bytes of all files.
    var used: Int { budget.used }

    /// The most bytes of one file.
    var largest: Int { budget.share }

    /// Adds a file of a principal; the claim is for its bytes.
    func enter(_ file: SpoolFile, of holder: String) -> ByteBudget.Claim {
        files[ObjectIdentifier(file)] = Entry(file: file, holder: holder)
        return budget.claim(for: holder)
    }

    /// Forgets a file that is gone.
    func leave(_ id: ObjectIdentifier) { files[id] = nil }

    /// Notes that a file has grown.
    func grew(_ file: SpoolFile) {
        growths += 1
        files[ObjectIdentifier(file)]?.lastGrowth = growths
    }

    /// The file that gives up its bytes so that one of `holder` can grow by a number of bytes; nil
    /// if none has any.
    ///
    /// If the principal has used up its share, one of its own; otherwise one of the principal that
    /// has most. Of these, the one that has not grown for the longest time, which may be the one
    /// that grows.
    func payer(for holder: String, growingBy bytes: Int) -> SpoolFile? {
        let payer =
            budget.used(by: holder) + bytes > budget.share
            ? holder : Set(files.values.map(\.holder)).max { has($0) < has($1) }
        return files.values.filter { $0.holder == payer && $0.file?.isEmpty == false }
            .min { $0.lastGrowth < $1.lastGrowth }?.file
    }

    private func has(_ holder: String) -> Int { budget.used(by: holder) }
}
