// The part of an output that no longer fits in memory: an unlinked temporary file, used as a ring
// buffer. Invariant: holds the newest `limit` bytes that it was given since it last gave up its
// bytes to make room for other files; gone with the process.
import Glibc
import Loop

/// An unlinked temporary file with the newest bytes.
@IO final class SpoolFile {
    /// The offset of the oldest byte kept.
    private(set) var start: Int

    private let descriptor: Int32
    private let limit: Int
    private var end: Int
    private let spools: Spools
    private var claim: ByteBudget.Claim?

    /// Makes the file of a principal in TMPDIR; nil if that is not possible.
    init?(start: Int, limit: Int, of holder: String, in spools: Spools) {
        guard spools.largest > 0 else { return nil }
        var template = Array("\(Spools.folder)/homeline-spool-XXXXXX".utf8CString)
        descriptor = unsafe template.withUnsafeMutableBufferPointer { name in
            guard let base = name.baseAddress else { return Int32(-1) }
            let descriptor = unsafe mkstemp(base)
            guard descriptor >= 0 else { return -1 }
            unsafe unlink(base)
            // Swift has no mkostemp. Children are started on this same thread, so none can inherit
            // it.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return descriptor
        }
        guard descriptor >= 0 else { return nil }
        self.start = start
        self.limit = min(limit, spools.largest)
        self.spools = spools
        end = start
        claim = spools.enter(self, of: holder)
    }

    isolated deinit {
        spools.leave(ObjectIdentifier(self))
        close(descriptor)
    }

    /// Whether it holds nothing.
    var isEmpty: Bool { start == end }

    /// Gives its bytes up; what is added later is kept again.
    func drop() {
        _ = ftruncate(descriptor, 0)
        start = end
        claim?.release()
    }

    /// Makes room for more bytes, also in files that have not grown for long; false if there is
    /// none.
    private func grow(by count: Int) -> Bool {
        guard let claim else { return false }
        while true {
            let more = min(limit, end - start + count) - claim.bytes
            if claim.grow(by: more) {
                spools.grew(self)
                return true
            }
            guard let payer = spools.payer(for: claim.holder, growingBy: more) else { return false }
            payer.drop()
        }
    }

    /// Adds bytes; false if the disk or the budget did not accept them.
    func append(_ bytes: [UInt8]) -> Bool {
        guard grow(by: bytes.count) else { return false }
        var done = 0
        while done < bytes.count {
            let place = (end + done) % limit
            let size = min(bytes.count - done, limit - place)
            let written = unsafe bytes.withUnsafeBytes { raw in
                guard let base = raw.baseAddress else { return -1 }
                return unsafe pwrite(descriptor, base + done, size, off_t(place))
            }
            if written <= 0 {
                if written < 0, errno == EINTR { continue }
                return false
            }
            done += written
        }
        end += bytes.count
        start = max(start, end - limit)
        return true
    }

    /// The bytes of a range that is kept; fewer if the disk fails.
    func read(_ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        var offset = range.lowerBound
        while offset < range.upperBound {
            let place = offset % limit
            let size = min(range.upperBound - offset, limit - place)
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = max(0, unsafe pread(descriptor, buffer.baseAddress, size, off_t(place)))
            }
            if piece.isEmpty { break }
            result += piece
            offset += piece.count
        }
        return result
    }
}
