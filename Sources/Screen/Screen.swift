// What a person would see on a session's terminal. libvterm moves the cursor, wraps and scrolls;
// the cells are kept here, eight bytes each and only where something is written (libvterm's own
// screen takes 1.8 MiB for 511 × 50 and moves all of it at each line feed). Invariant: the same
// input gives the same screen however it is cut; memory is bounded by the screen's size.
import CVTerm
public import Terminal

/// A terminal's screen.
public final class Screen {
    /// A position on the screen, counted from 0.
    public struct Position: Sendable, Equatable {
        /// The row, from the top.
        public var row: Int
        /// The column.
        public var column: Int
    }

    /// The width.
    public private(set) var columns: Int
    /// The height.
    public private(set) var rowCount: Int

    /// The shown rows, `rowCount` of them.
    var lines: [[Cell]]
    /// The rows of the other screen: main while the alternate one is shown.
    var otherLines: [[Cell]]
    var isAlternateShown = false
    /// Where the main screen's cursor was when the alternate screen was shown.
    var mainCursor = Position(row: 0, column: 0)
    /// The newest character's position, for combining marks that follow it.
    var newest: Position?
    /// Whether libvterm is being fed what the cells already show.
    var isRestoring = false
    /// What is to be sent to programs that asked the terminal something.
    var replies: [UInt8] = []

    private var input: ScreenInput
    private var terminal: OpaquePointer?

    /// Bytes given to libvterm at once: it allocates on its stack for each of them.
    private static let pieceSize = 1024

    /// An empty screen; the size is kept within 1 to 1,000 columns and 1 to 500 rows.
    public init(columns: Int, rows: Int) {
        self.columns = min(max(columns, 1), 1000)
        rowCount = min(max(rows, 1), 500)
        lines = Array(repeating: [], count: rowCount)
        otherLines = lines
        input = ScreenInput(columns: self.columns)
        makeTerminal()
    }

    deinit { vterm_free(terminal) }

    /// Draws what a program sent.
    public func feed(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while true {
            // Most of it is plain text: the bytes need not be examined one by one.
            rest = rest.dropFirst(input.takePlain(rest))
            guard let byte = rest.popFirst() else { break }
            switch input.take(byte) {
            case .plain: if input.plain.count >= Self.pieceSize { flush() }
            case .mark(let mark):
                flush()
                if let newest, lines[newest.row].indices.contains(newest.column) {
                    lines[newest.row][newest.column].add(mark)
                }
            case .reset: reset()
            case .query(let query):
                flush()
                answer(query)
            }
        }
        flush()
    }

    /// The rows as text, without blanks at their ends.
    public var rows: [String] { lines.map(\.text) }

    /// The cursor's position.
    public var cursor: Position {
        guard let terminal, let state = vterm_obtain_state(terminal) else {
            return Position(row: 0, column: 0)
        }
        var position = VTermPos()
        vterm_state_get_cursorpos(state, &position)
        return Position(row: Int(position.row), column: Int(position.col))
    }

    /// Whether the alternate screen is shown.
    public var isAlternate: Bool { isAlternateShown }

    /// The modes as the program set them.
    public var modes: TerminalModes { input.modes }

    /// Changes the size; rows are dropped at the top if the cursor would not fit.
    ///
    /// libvterm is restarted: its own resizing leaves margins and saved cursors outside the screen.
    public func resize(columns: Int, rows: Int) {
        let width = min(max(columns, 1), 1000)
        let height = min(max(rows, 1), 500)
        let modes = modes
        guard width != self.columns || height != rowCount else { return }
        var cursor = cursor
        Self.fit(&lines, width, height, &cursor)
        if isAlternateShown {
            Self.fit(&otherLines, width, height, &mainCursor)
        } else {
            otherLines = Array(repeating: [], count: height)
        }
        self.columns = width
        rowCount = height
        input.columns = width
        newest = nil
        makeTerminal()
        isRestoring = true
        var bytes: [UInt8] = []
        if isAlternateShown { bytes += Self.move(to: mainCursor) + Array("\u{1b}[?1049h".utf8) }
        write(bytes + Self.move(to: cursor) + Array(modes.restoring.utf8))
        isRestoring = false
    }

    private static func move(to place: Position) -> [UInt8] {
        Array("\u{1b}[\(place.row + 1);\(place.column + 1)H".utf8)
    }

    private static func fit(
        _ lines: inout [[Cell]], _ width: Int, _ height: Int, _ cursor: inout Position
    ) {
        let over = max(0, cursor.row - height + 1)
        lines.removeFirst(over)
        cursor.row -= over
        cursor.column = min(cursor.column, width - 1)
        lines = lines.prefix(height).map { Array($0.prefix(width)) }
        lines += Array(repeating: [], count: height - lines.count)
    }

    private func reset() {
        lines = Array(repeating: [], count: rowCount)
        otherLines = lines
        isAlternateShown = false
        newest = nil
        input.plain.removeAll(keepingCapacity: true)
        makeTerminal()
    }

    private func makeTerminal() {
        if let terminal { vterm_free(terminal) }
        terminal = vterm_new(Int32(rowCount), Int32(columns))
        guard let terminal, let state = vterm_obtain_state(terminal) else { return }
        vterm_set_utf8(terminal, 1)
        let user = Unmanaged.passUnretained(self).toOpaque()
        vterm_output_set_callback(terminal, Self.onReply, user)
        isRestoring = true
        vterm_state_set_callbacks(state, Self.callbacks, user)
        vterm_state_reset(state, 1)
        isRestoring = false
    }

    private func flush() {
        guard !input.plain.isEmpty else { return }
        let bytes = input.plain
        input.plain.removeAll(keepingCapacity: true)
        write(bytes)
    }

    func write(_ bytes: [UInt8]) {
        guard let terminal else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            // libvterm uses the first byte's character set for a whole piece, so a piece is at most
            // one run of ASCII and one of other characters.
            var size = 0
            while size < rest.count, rest[rest.startIndex + size] < 0x80, size < Self.pieceSize {
                size += 1
            }
            while size < rest.count, rest[rest.startIndex + size] >= 0x80,
                size < 2 * Self.pieceSize
                    || rest[rest.startIndex + size] & 0xc0 == 0x80
            {
                size += 1
            }
            rest.prefix(size).withUnsafeBytes { piece in
                let base = piece.baseAddress?.assumingMemoryBound(to: CChar.self)
                _ = vterm_input_write(terminal, base, piece.count)
            }
            rest = rest.dropFirst(size)
        }
    }
}
