// What a person would see on a session's terminal: the answer to `session.read` with `view:
// "screen"`.
public import JSON

/// A terminal's screen.
public struct ScreenView: Sendable, Equatable {
    /// The rows from the top, without trailing blanks and without empty rows at the bottom.
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

    private static let rows = Field.texts(
        "rows", "From the top, without trailing blanks and without empty rows at the bottom.")
    private static let cursorRow = Field.count("row", "Counted from 0.")
    private static let cursorColumn = Field.count("col", "Counted from 0.")
    private static let cursor = Field.object(
        "cursor", [cursorRow.declaration, cursorColumn.declaration], "The cursor's position.")
    private static let title = Field.text("title", "The title that the program set.").or("")
    private static let columns = Field.count("cols", "The width in characters.")
    private static let rowCount = Field.count("rows_count", "The height in rows.")
    private static let alternate = Field.flag(
        "alternate", "Whether a full-screen program has taken the alternate screen."
    ).or(false)
    private static let modes = Field.texts(
        "modes",
        "What the program has switched on: bracketed_paste, application_cursor_keys, mouse_click, "
            + "mouse_drag, mouse_move."
    ).or([])

    static let members = [
        rows.declaration, cursor.declaration, title.declaration, columns.declaration,
        rowCount.declaration, alternate.declaration, modes.declaration,
    ]

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
        var cursor = Members()
        cursor.put(Self.cursorRow, cursorRow)
        cursor.put(Self.cursorColumn, cursorColumn)
        var members = Members()
        members.put(Self.rows, rows)
        members.put(Self.cursor, cursor.json)
        members.put(Self.title, title)
        members.put(Self.columns, columns)
        members.put(Self.rowCount, rowCount)
        members.put(Self.alternate, isAlternate)
        members.put(Self.modes, modes)
        return members.json
    }
}
