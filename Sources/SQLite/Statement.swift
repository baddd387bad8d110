// One prepared statement, which its connection keeps for reuse.
// Invariant: after every run it is reset and its parameters are cleared.

internal import CSQLite

/// A prepared statement; freed before its connection closes.
final class Statement {
    private let raw: OpaquePointer
    private let database: OpaquePointer
    private lazy var names = columnNames()

    init(_ sql: String, in database: OpaquePointer) throws(SQLiteError) {
        var raw: OpaquePointer?
        let code = sqlite3_prepare_v3(
            database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &raw, nil)
        guard code == SQLITE_OK, let raw else { throw Self.failure(of: database, code) }
        self.raw = raw
        self.database = database
    }

    deinit { sqlite3_finalize(raw) }

    /// Runs the statement with `values` and passes each row to `body`.
    func run(_ values: [SQLiteValue], _ body: (Row) -> Void) throws(SQLiteError) {
        defer {
            sqlite3_reset(raw)
            sqlite3_clear_bindings(raw)
        }
        precondition(values.count == Int(sqlite3_bind_parameter_count(raw)), "parameters")
        for (index, value) in values.enumerated() { try bind(value, Int32(index + 1)) }
        while true {
            switch sqlite3_step(raw) {
            case SQLITE_ROW: body(Row(names: names, values: columns()))
            case SQLITE_DONE: return
            case let code: throw Self.failure(of: database, code)
            }
        }
    }

    private func bind(_ value: SQLiteValue, _ index: Int32) throws(SQLiteError) {
        let code =
            switch value {
            case .null: sqlite3_bind_null(raw, index)
            case .integer(let number): sqlite3_bind_int64(raw, index, number)
            case .real(let number): sqlite3_bind_double(raw, index, number)
            case .text(let text):
                hl_sqlite_bind_text(raw, index, text, Int32(clamping: text.utf8.count))
            case .blob(let bytes) where bytes.isEmpty: sqlite3_bind_zeroblob(raw, index, 0)
            case .blob(let bytes):
                hl_sqlite_bind_blob(raw, index, bytes, Int32(clamping: bytes.count))
            }
        guard code == SQLITE_OK else { throw Self.failure(of: database, code) }
    }

    private func columns() -> [SQLiteValue] {
        (0..<sqlite3_column_count(raw)).map { index in
            let count = { Int(sqlite3_column_bytes(self.raw, index)) }
            switch sqlite3_column_type(raw, index) {
            case SQLITE_INTEGER: return .integer(sqlite3_column_int64(raw, index))
            case SQLITE_FLOAT: return .real(sqlite3_column_double(raw, index))
            case SQLITE_TEXT:
                let start = sqlite3_column_text(raw, index)
                let bytes = UnsafeBufferPointer(start: start, count: count())
                return .text(String(decoding: bytes, as: UTF8.self))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(raw, index)
                return .blob(Array(UnsafeRawBufferPointer(start: start, count: count())))
            default: return .null
            }
        }
    }

    private func columnNames() -> [String: Int] {
        var names: [String: Int] = [:]
        for index in 0..<sqlite3_column_count(raw) {
            guard let name = sqlite3_column_name(raw, index) else { continue }
            names[String(cString: name)] = Int(index)
        }
        return names
    }

    static func failure(of database: OpaquePointer?, _ code: Int32) -> SQLiteError {
        let detail = sqlite3_errmsg(database).map { String(cString: $0) } ?? "no detail"
        return SQLiteError(code: code, detail: detail)
    }
}
