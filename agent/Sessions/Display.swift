// The terminal as a session's program uses it: the modes it set, and a screen while one is needed.
// A screen is made from the newest lines of the log when something is drawn out of line order, a
// program asks the terminal something, or a call reads the screen; it is dropped at the prompt or
// after 256 KiB of mere lines.
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

    /// Bytes at the end of the log from which a new screen is made: more than a full screen of
    /// lines.
    private static let replay = 64 << 10
    /// Bytes of mere lines after which a screen is dropped: the log alone makes the same one.
    private static let quiet = 256 << 10

    /// Holds the program off (true) while too much waits to be drawn, and lets it go on (false).
    var onHold: (@IO (Bool) -> Void)?

    /// The answers to programs that ask the terminal something.
    let replies = Replies()

    private var scanner = ModeScanner()
    private var canvas: Canvas?
    private var sinceDrawn = 0

    init(columns: Int = OpenSession.defaultColumns, rows: Int = 50) {
        self.columns = columns
        self.rows = rows
    }

    /// The modes the program in the terminal has set.
    var modes: TerminalModes { scanner.modes }

    /// Whether the newest output is a question to the terminal.
    var isAskedLast: Bool { scanner.asking == .last }

    /// What the terminal shows at the cursor, for the rules of Watch.
    enum Picture: Equatable {
        /// A program draws the screen.
        case screen
        /// The cursor is at the end of the last line of text, which is this.
        case line(String)
        /// The cursor is at the beginning of a line.
        case begin
    }

    /// What the terminal shows; `openLine`: the unfinished last line of the output.
    func picture(openLine: String?, endsAtMargin: Bool) -> Picture {
        if modes.isAlternate || modes.placesRows || modes.hidesCursor { return .screen }
        guard let canvas else {
            return endsAtMargin ? .begin : openLine.map(Picture.line) ?? .begin
        }
        guard let screen = canvas.settled else { return .screen }
        let (cursor, rows) = (screen.cursor, screen.rows)
        guard rows.dropFirst(cursor.row + 1).allSatisfy(\.isEmpty) else { return .screen }
        let text = rows[cursor.row]
        if cursor.column == 0 { return .begin }
        // A wide character takes two columns; nothing but blanks may follow the cursor.
        guard !text.isEmpty, text.count <= cursor.column else {
            return text.isEmpty ? .begin : .screen
        }
        let blanks = String(repeating: " ", count: min(cursor.column - text.count, 1))
        return .line(text + blanks)
    }

    /// A client has typed something.
    func typed() { scanner.forgetRows() }

    /// Follows output as it arrived, before the log has it.
    func take(_ bytes: ArraySlice<UInt8>, _ log: OutputLog) {
        let begun = scanner.unfinished
        let draws = scanner.scan(bytes)
        if draws || scanner.asking != .nothing && replies.mayAsk {
            sinceDrawn = 0
            if canvas == nil {
                canvas = made(from: log)
                // The log may lack the beginning of a sequence; drawing it twice does no harm.
                canvas?.draw(begun[...], isRepeated: true)
            }
        } else {
            sinceDrawn += bytes.count
            if sinceDrawn > Self.quiet, !modes.isAlternate, !log.alternate.isDrawing { drop() }
        }
        canvas?.draw(bytes)
    }

    /// Whether the program is held off, and so has more to write.
    var isHolding: Bool { canvas?.isHolding ?? false }

    private func drop() {
        canvas?.end()
        canvas = nil
    }

    /// The shell is at its prompt: modes that a program left on end here.
    func promptIsBack(_ log: OutputLog) {
        scanner.reset()
        drop()
        log.leaveAlternate()
        replies.promptIsBack()
    }

    /// Takes another size.
    func resize(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        canvas?.resize(columns: columns, rows: rows)
    }

    /// The screen with everything that came before the call; `follows`: a program runs that may
    /// write more.
    func view(_ log: OutputLog, follows: Bool) async -> ScreenView {
        let looked: Canvas
        if let canvas {
            looked = canvas
        } else {
            looked = made(from: log)
            looked.draw(scanner.unfinished[...], isRepeated: true)
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

    /// A screen with the newest lines, without the pictures of programs.
    private func made(from log: OutputLog) -> Canvas {
        let canvas = Canvas(columns: columns, rows: rows) { [weak self] in
            self?.onHold?($0)
        } reply: { [replies] in
            replies.take($0)
        }
        let start = max(log.start, log.end - Self.replay)
        for part in log.alternate.visible(in: start..<log.end) {
            var bytes: [UInt8] = []
            // The log holds what the program wrote: the terminal added CR to each LF.
            for byte in log.bytes(part) {
                if byte == 10 { bytes.append(13) }
                bytes.append(byte)
            }
            canvas.draw(bytes[...], isRepeated: true)
        }
        // Resets the margins and character sets of earlier programs.
        canvas.draw(Array("\u{1b}7\u{1b}[r\u{1b}8\u{1b}(B\u{1b}[?7h".utf8)[...])
        return canvas
    }
}
