// The output of a session or a command, by absolute offset: the newest bytes in memory, older ones
// in a spool file, the oldest gone. Invariant: bytes `start..<end` can be read; memory stays below
// `memoryLimit` plus one chunk, the file below `spoolLimit`.
import Loop
import Terminal

/// The output of a session or a command.
@IO final class OutputLog {
    /// Whether it is a terminal's: blanks at the ends of its lines are not shown.
    let isTerminal: Bool
    /// One more than the offset of the newest byte.
    private(set) var end = 0
    /// The offset of the oldest byte that can still be read.
    var start: Int { spool.map { max($0.start, 0) } ?? memoryStart }

    /// The ranges that are a program's pictures, which are not lines to read.
    private(set) var alternate = PictureRanges()

    /// Bytes of one log in memory, and in its file: its share of the agent's memory and disk.
    nonisolated static let memory = 4 << 20
    nonisolated static let spool = 256 << 20

    /// Bytes of one chunk: memory is freed, and the file written, by whole chunks.
    private static let chunkSize = 65536
    private var memoryLimit: Int
    private let spoolLimit: Int
    /// The principal on whose share its file counts, and the files of all.
    private let holder: String
    private let spools: Spools
    private var chunks: [[UInt8]] = []
    private var memoryStart = 0
    private var spool: SpoolFile?
    private var spoolFailed = false

    /// An empty log; the limits are in bytes.
    init(
        memoryLimit: Int = OutputLog.memory, spoolLimit: Int = OutputLog.spool, of holder: String,
        isTerminal: Bool = true, in spools: Spools = .shared
    ) {
        self.isTerminal = isTerminal
        self.holder = holder
        self.spools = spools
        self.memoryLimit = memoryLimit
        self.spoolLimit = spoolLimit
    }

    /// Has the first byte at an offset: those before it are gone.
    func skip(to offset: Int) {
        guard end == 0, offset > 0 else { return }
        (end, memoryStart) = (offset, offset)
    }

    /// Adds output.
    func append(_ bytes: ArraySlice<UInt8>) {
        alternate.scan(bytes, at: end)
        var rest = bytes
        while !rest.isEmpty {
            if let last = chunks.last, last.count < Self.chunkSize {
                let piece = rest.prefix(Self.chunkSize - last.count)
                chunks[chunks.count - 1].append(contentsOf: piece)
                rest = rest.dropFirst(piece.count)
            } else {
                chunks.append([])
            }
        }
        end += bytes.count
        while end - memoryStart > memoryLimit { spill() }
    }

    /// What has the terminal was found to draw on the whole of it, or not to.
    func foundDrawing(_ draws: Bool) {
        if draws { alternate.takeScreen() } else { alternate.leaveScreen(at: end) }
    }

    /// From here on output is lines again, whatever mode a program left on.
    func leaveAlternate() { alternate.leave(at: end) }

    /// The bytes of a range, as far as they are kept.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        let lower = max(range.lowerBound, start)
        let upper = min(range.upperBound, end)
        guard lower < upper else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(upper - lower)
        if lower < memoryStart, let spool {
            result += spool.read(lower..<min(upper, memoryStart))
        }
        var chunkStart = memoryStart
        for chunk in chunks {
            let from = max(lower, chunkStart)
            let to = min(upper, chunkStart + chunk.count)
            if from < to { result += chunk[(from - chunkStart)..<(to - chunkStart)] }
            chunkStart += chunk.count
        }
        return result
    }

    /// The last non-blank line after an offset (in the last 4 KiB), cleaned and cut to 200
    /// characters.
    func lastLine(from offset: Int) -> String? {
        let lower = max(offset, end - 4096)
        guard lower < end else { return nil }
        var cleaner = CleanText()
        for part in alternate.visible(in: lower..<end) { cleaner.append(bytes(part)[...]) }
        let text = String(decoding: cleaner.finish(), as: UTF8.self)
        let line = text.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }
        return line.map { String($0.prefix(200)) }
    }

    /// Keeps one chunk in memory from now on, as nothing more comes and few read it again.
    func settle() {
        memoryLimit = min(memoryLimit, Self.chunkSize)
        while end - memoryStart > memoryLimit, !spoolFailed { spill() }
    }

    /// Moves the oldest chunk out of memory.
    private func spill() {
        let chunk = chunks.removeFirst()
        if spool == nil, !spoolFailed {
            spool = SpoolFile(start: memoryStart, limit: spoolLimit, of: holder, in: spools)
            spoolFailed = spool == nil
        }
        memoryStart += chunk.count
        if let spool, !spool.append(chunk) {
            // A full disk: what the file held is dropped, and reads report it as `lost_bytes`.
            self.spool = nil
            spoolFailed = true
        }
    }
}
