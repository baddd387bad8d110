// A screen with the output that waits to be drawn on it, a slice at a time. Between Display and
// module Screen, to which a drawing program's output costs some 50 times as much as plain lines.
// Invariant: the screen is exact once everything given has been drawn; when more than `limit` bytes
// wait, the program that writes them is held off.
import Loop
import Screen

/// A screen with the output that is still to be drawn on it.
@IO final class Canvas: Worker {
    /// The most bytes that may wait before the program is held off: some 20 ms of drawing.
    private static let limit = 64 << 10
    /// The bytes that are drawn between two checks of the clock: 0.1 ms of usual drawing.
    private static let step = 512
    /// Nanoseconds of drawing in one turn: every step of a call elsewhere waits for it, and going
    /// through the loop once more costs less than a tenth of it.
    private static let time: UInt64 = 250_000
    /// The longest wait for what was given to be drawn: the costliest 64 KiB on the largest screen
    /// take some seconds.
    private static let patience = Duration.seconds(10)

    private let screen: Screen
    private var waiting: [UInt8] = []
    /// Bytes at the beginning of `waiting` that are drawn.
    private var done = 0
    /// Changes of the size, each with the number of bytes given before it.
    private var sizes: [(after: Int, columns: Int, rows: Int)] = []
    private var given = 0
    private var isQueued = false
    /// Whether the program is held off.
    private(set) var isHolding = false
    /// Bytes at the beginning whose questions were answered when they first came.
    private var answered = 0
    /// Calls that wait to see what was given.
    private var viewers = 0
    private let hold: @IO (Bool) -> Void
    private let reply: @IO ([UInt8]) -> Void
    private let progress = Condition()

    /// An empty screen; `hold` holds the program off (true) and lets it go on (false); `reply` gets
    /// the answers to what the program asks.
    init(
        columns: Int, rows: Int, hold: @escaping @IO (Bool) -> Void,
        reply: @escaping @IO ([UInt8]) -> Void = { _ in }
    ) {
        screen = Screen(columns: columns, rows: rows)
        self.hold = hold
        self.reply = reply
    }

    /// Bytes that are still to be drawn.
    private var left: Int { waiting.count - done }
    private var isDone: Bool { left == 0 && sizes.isEmpty }

    /// Draws output: a little at once, more in turns.
    ///
    /// `isRepeated`: its questions were answered when it first came.
    func draw(_ bytes: ArraySlice<UInt8>, isRepeated: Bool = false) {
        given += bytes.count
        if isRepeated { answered = given }
        if isDone, bytes.count <= 2 * Self.step { return feed(bytes) }
        waiting.append(contentsOf: bytes)
        goOnLater()
        guard left > Self.limit, !isHolding else { return }
        isHolding = true
        hold(true)
    }

    /// Takes another size, after what has been given so far.
    func resize(columns: Int, rows: Int) {
        if isDone { return screen.resize(columns: columns, rows: rows) }
        sizes.append((given, columns, rows))
    }

    /// Nothing more is given: the rest is drawn only for callers that wait to see it.
    func end() {
        letGo()
        guard viewers == 0 else { return }
        waiting = []
        (done, sizes) = (0, [])
    }

    /// The screen, if nothing waits to be drawn on it.
    var settled: Screen? { isDone ? screen : nil }

    /// The screen, once everything that was given before the call is drawn.
    func shown() async -> Screen {
        let goal = given
        viewers += 1
        defer { viewers -= 1 }
        await progress.wait(until: IO.now + Self.patience) { given - left >= goal }
        return screen
    }

    func work() {
        isQueued = false
        let end = Slice.now + Self.time
        repeat { step() } while !isDone && Slice.now < end
        if !isDone { goOnLater() }
        if left <= Self.limit / 2 { letGo() }
        progress.broadcast()
    }

    private func step() {
        let drawn = given - left
        if let size = sizes.first, size.after <= drawn {
            sizes.removeFirst()
            return screen.resize(columns: size.columns, rows: size.rows)
        }
        let next = min(
            left, sizes.first.map { $0.after - drawn } ?? left,
            drawn < answered ? answered - drawn : left)
        let upper = min(next, Self.step)
        let piece = waiting[done..<(done + upper)]
        done += upper
        feed(piece)
        if done == waiting.count {
            waiting.removeAll(keepingCapacity: false)
            done = 0
        } else if done >= Self.limit {
            waiting.removeFirst(done)
            done = 0
        }
    }

    private func feed(_ bytes: ArraySlice<UInt8>) {
        screen.feed(bytes)
        let replies = screen.takeReplies()
        if !replies.isEmpty, given - left > answered { reply(replies) }
    }

    private func goOnLater() {
        guard !isQueued else { return }
        isQueued = true
        IO.loop.workLater(self, isPatient: true)
    }

    private func letGo() {
        guard isHolding else { return }
        isHolding = false
        hold(false)
    }
}
