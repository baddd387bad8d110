// What a person would see on a session's terminal, as `session.read` with `view: "screen"` tells it.
public import JSON

/// A terminal's screen.
public struct ScreenView: Sendable, Equatable {
    /// The rows from the top without blanks at their ends; empty ones at the bottom are left out.
    public var rows: [String]
    /// The cursor's row, from 0.
    public var cursorRow: Int
    /// The cursor's column, from 0.
    public var cursorColumn: Int
    /// The title the program set.
    public var title = ""
    /// The width.
    public var columns: Int
    /// The height.
    public var rowCount: Int
    /// Whether the program has taken the alternate screen.
    public var isAlternate = false
    /// What the program has switched on: `bracketed_paste`, `mouse_click`, ….
    public var modes: [String] = []

    /// A screen.
    public init(rows: [String], cursorRow: Int, cursorColumn: Int, columns: Int, rowCount: Int) {
        self.rows = rows
        self.cursorRow = cursorRow
        self.cursorColumn = cursorColumn
        self.columns = columns
        self.rowCount = rowCount
    }

    /// As an object.
    public var json: JSON {
        [
            "rows": .array(rows.map { .string($0) }),
            "cursor": ["row": .integer(cursorRow), "col": .integer(cursorColumn)],
            "title": .string(title),
            "cols": .integer(columns),
            "rows_count": .integer(rowCount),
            "alternate": .bool(isAlternate),
            "modes": .array(modes.map { .string($0) }),
        ]
    }
}
