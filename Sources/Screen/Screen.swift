// What a person would see on a session's terminal: rows, cursor, title. libvterm moves the cursor,
// wraps and scrolls; the cells are kept here, eight bytes each and only where something is written
// (libvterm's own screen takes 1.8 MiB for 511 × 50 and moves all of it at each line feed).
// Invariant: any input in any pieces gives the same screen; memory is bounded by its size.
import CVTerm
public import Terminal

/// A terminal's screen.
public final class Screen {
    /// A place on the screen, counted from 0.
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
    /// Where the main screen's cursor was when the alternate one came.
    var mainCursor = Position(row: 0, column: 0)
    /// The newest character's place, for marks that follow it.
    var newest: Position?
    /// While libvterm is told of what is already here.
    var isRestoring = false

    private var input: ScreenInput
    private var terminal: OpaquePointer?

    /// libvterm allocates on its stack for each byte it is given at once.
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

    /// Shows what a program sent.
    public func feed(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while true {
            // Most of it is plain: no need to look at each byte by itself.
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
            }
        }
        flush()
    }

    /// The rows as text, without blanks at their ends.
    public var rows: [String] { lines.map(\.text) }

    /// The cursor's place.
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

    /// Takes another size; rows leave at the top where the cursor would not fit.
    ///
    /// libvterm starts anew: its own resizing leaves margins and saved cursors outside of the screen.
    public func resize(columns: Int, rows: Int) {
        let width = min(max(columns, 1), 1000)
        let height = min(max(rows, 1), 500)
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
        write(bytes + Self.move(to: cursor))
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
        isRestoring = true
        vterm_state_set_callbacks(state, Self.callbacks, Unmanaged.passUnretained(self).toOpaque())
        vterm_state_reset(state, 1)
        isRestoring = false
    }

    private func flush() {
        guard !input.plain.isEmpty else { return }
        let bytes = input.plain
        input.plain.removeAll(keepingCapacity: true)
        write(bytes)
    }

    private func write(_ bytes: [UInt8]) {
        guard let terminal else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            // libvterm takes the first byte's character set for all that follows it, so a piece ends
            // after other characters than ASCII, and only there or before one.
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
