// Why the database refused; the only place that turns result codes into errors.
// https://sqlite.org/rescode.html

internal import CSQLite

/// Why a database operation failed.
public enum SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file cannot be opened or made.
    case cannotOpen(path: String, detail: String)
    /// Another process kept the database locked for longer than the busy timeout.
    case busy
    /// A row breaks a rule of the schema; the detail names the columns.
    case constraint(String)
    /// The disk or the quota is full.
    case full
    /// The file is not a database, or it is damaged.
    case corrupt(String)
    /// The database may not be written.
    case readOnly
    /// A newer release of the program wrote the database.
    case newerSchema(found: Int, known: Int)
    /// Anything else, with SQLite's extended result code.
    case failed(code: Int32, detail: String)

    init(code: Int32, detail: String) {
        self =
            switch code & 0xff {
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_CONSTRAINT: .constraint(detail)
            case SQLITE_FULL: .full
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(detail)
            case SQLITE_READONLY: .readOnly
            default: .failed(code: code, detail: detail)
            }
    }

    /// One plain line saying what is wrong and what to do next.
    public var description: String {
        switch self {
        case .cannotOpen(let path, let detail): "cannot open the database \(path): \(detail)"
        case .busy: "the database is locked by another process: try again once that has ended"
        case .constraint(let detail): "the database refuses the row: \(detail)"
        case .full: "the disk is full: make room and try again"
        case .corrupt(let detail): "the database is damaged (\(detail)): restore a copy of it"
        case .readOnly: "the database may not be written: check the owner of its folder"
        case .newerSchema(let found, let known):
            "the database has schema \(found), this program knows \(known): use the newer program"
        case .failed(let code, let detail): "database error \(code): \(detail)"
        }
    }
}
