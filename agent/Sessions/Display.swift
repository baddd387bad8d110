// What a session's program does with its terminal: the modes it set, and a screen while one is of
// use. A screen is made when something is drawn out of line order or when somebody looks, from the
// newest lines of the log; it goes with the program, or when lines alone have come for a while. So an
// idle session has none, and plain output costs a search for escapes.
// Invariant: what a program left on is off once the prompt is back.
import Loop
import Screen
import Terminal
import Wire

/// A session's terminal as its programs see it.
@IO final class Display {
    /// The terminal's width.
    private(set) var columns: Int
    /// The terminal's height.
    private(set) var rows: Int

    /// So much of the log makes a new screen.
    private static let replay = 64 << 10
    /// After so many bytes of mere lines the log alone makes the same screen.
    private static let quiet = 256 << 10

    /// Holds the program off (true) while more is to be drawn than may wait, lets it go on (false).
    var onHold: (@IO (Bool) -> Void)?

    private var scanner = ModeScanner()
    private var canvas: Canvas?
    private var sinceDrawn = 0

    init(columns: Int = 511, rows: Int = 50) {
        self.columns = columns
        self.rows = rows
    }

    /// The modes the program in the terminal has set.
    var modes: TerminalModes { scanner.modes }

    /// Follows output as it came, before the log has it.
    func take(_ bytes: ArraySlice<UInt8>, _ log: OutputLog) {
        let begun = scanner.unfinished
        if scanner.scan(bytes) {
            sinceDrawn = 0
            if canvas == nil {
                canvas = made(from: log)
                // The log may lack the beginning of a sequence; twice does no harm.
                canvas?.draw(begun[...])
            }
        } else {
            sinceDrawn += bytes.count
            if sinceDrawn > Self.quiet, !modes.isAlternate { drop() }
        }
        canvas?.draw(bytes)
    }

    /// The program is held off: it has more to say.
    var isHolding: Bool { canvas?.isHolding ?? false }

    private func drop() {
        canvas?.end()
        canvas = nil
    }

    /// The shell is at its prompt: whatever a program left on is over.
    func promptIsBack(_ log: OutputLog) {
        scanner.reset()
        drop()
        log.leaveAlternate()
    }

    /// Takes another size.
    func resize(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        canvas?.resize(columns: columns, rows: rows)
    }

    /// The screen with all that came before the call; `follows`: a program runs that may go on.
    func view(_ log: OutputLog, follows: Bool) async -> ScreenView {
        let looked: Canvas
        if let canvas {
            looked = canvas
        } else {
            looked = made(from: log)
            looked.draw(scanner.unfinished[...])
            sinceDrawn = 0
            if follows { canvas = looked }
        }
        let shown = await looked.shown()
        let cursor = shown.cursor
        var texts = shown.rows
        while texts.last == "" { texts.removeLast() }
        var view = ScreenView(
            rows: texts, cursorRow: cursor.row, cursorColumn: cursor.column,
            columns: shown.columns, rowCount: shown.rowCount)
        view.title = modes.title
        view.isAlternate = modes.isAlternate
        view.modes = modes.names
        return view
    }

    /// A screen with the newest lines; what was drawn on the alternate screen is no line.
    private func made(from log: OutputLog) -> Canvas {
        let canvas = Canvas(columns: columns, rows: rows) { [weak self] in self?.onHold?($0) }
        let start = max(log.start, log.end - Self.replay)
        for part in log.alternate.visible(in: start..<log.end) {
            var bytes: [UInt8] = []
            // The log holds what the program wrote: the terminal added CR to each LF.
            for byte in log.bytes(part) {
                if byte == 10 { bytes.append(13) }
                bytes.append(byte)
            }
            canvas.draw(bytes[...])
        }
        // Margins and character sets of programs before this one are over.
        canvas.draw(Array("\u{1b}7\u{1b}[r\u{1b}8\u{1b}(B\u{1b}[?7h".utf8)[...])
        return canvas
    }
}
