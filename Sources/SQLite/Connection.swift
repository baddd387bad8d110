// One open database file and its prepared statements.
// Confined to its database's thread, and traps on any other, so SQLite's own locking is off.

internal import CSQLite
internal import Glibc

/// An open database; `Database.run` passes it in, and it is not kept after that.
public final class Connection {
    private let raw: OpaquePointer
    private let thread: DatabaseThread
    private var statements: [String: Statement] = [:]
    private var isInTransaction = false

    init(path: String, thread: DatabaseThread) throws(SQLiteError) {
        // The file is created here first, so that it and its WAL are private from the start.
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if file >= 0 { close(file) }
        raw = try Self.open(path, path: path, SQLITE_OPEN_READWRITE)
        self.thread = thread
        sqlite3_busy_timeout(raw, 5_000)
        try switchToWAL()
        for pragma in ["synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"] {
            _ = try rows("PRAGMA \(pragma)")
        }
    }

    /// Opens a file that exists, for reading alone; at most the index (`-shm`) of its log changes.
    ///
    /// `isInUse`: another process may write it meanwhile. Otherwise a file without a log of changes
    /// (`-wal`) is read as it is, as SQLite would make files beside it.
    init(reading path: String, isInUse: Bool, thread: DatabaseThread) throws(SQLiteError) {
        let isWhole = !isInUse && access(path + "-wal", F_OK) != 0
        // These mean something in a URI (https://sqlite.org/uri.html).
        let name = path.map { ["#": "%23", "%": "%25", "?": "%3f"][$0] ?? String($0) }.joined()
        let uri = "file:" + name + (isWhole ? "?immutable=1" : "?mode=ro")
        raw = try Self.open(uri, path: path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
        self.thread = thread
        sqlite3_busy_timeout(raw, 2_000)
    }

    /// Opens a file under `name`, its path or its URI; errors name `path`.
    private static func open(
        _ name: String, path: String, _ flags: Int32
    ) throws(SQLiteError) -> OpaquePointer {
        var raw: OpaquePointer?
        let code = sqlite3_open_v2(
            name, &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let raw else {
            let detail = sqlite3_errmsg(raw).map { String(cString: $0) } ?? "error \(code)"
            sqlite3_close_v2(raw)
            throw .cannotOpen(path: path, detail: detail)
        }
        return raw
    }

    /// Switches to WAL with its own retries, as the busy timeout does not cover this step: two
    /// processes that open a new file at once would refuse each other.
    private func switchToWAL() throws(SQLiteError) {
        // As long as the busy timeout.
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            do throws(SQLiteError) {
                _ = try rows("PRAGMA journal_mode=WAL")
                return
            } catch {
                guard error == .busy, ContinuousClock.now < deadline else { throw error }
                usleep(10_000)
            }
        }
    }

    deinit {
        statements = [:]
        sqlite3_close_v2(raw)
    }

    /// Runs one statement that changes something; returns how many rows it changed.
    @discardableResult
    public func execute(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) -> Int {
        try statement(sql).run(values) { _ in }
        return Int(sqlite3_changes(raw))
    }

    /// Runs one statement; returns its rows.
    public func rows(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) -> [Row] {
        var rows: [Row] = []
        try statement(sql).run(values) { rows.append($0) }
        return rows
    }

    /// Runs `body` completely or not at all; the write lock is taken at the start.
    public func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        precondition(!isInTransaction, "transactions do not nest")
        try execute("BEGIN IMMEDIATE")
        isInTransaction = true
        defer { isInTransaction = false }
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // After some faults SQLite has already rolled back; it would refuse a second rollback.
            if sqlite3_get_autocommit(raw) == 0 { _ = try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Brings the schema to `steps.count`, one transaction a step; `user_version` counts them.
    func migrate(_ steps: [String]) throws {
        while true {
            let done = try transaction { () throws -> Bool in
                let version = Int(
                    try rows("PRAGMA user_version").first?.integer("user_version") ?? 0)
                guard version <= steps.count else {
                    throw SQLiteError.newerSchema(found: version, known: steps.count)
                }
                guard version < steps.count else { return true }
                let code = sqlite3_exec(raw, steps[version], nil, nil, nil)
                guard code == SQLITE_OK else { throw Statement.failure(of: raw, code) }
                // A pragma takes no parameters; the number is our own.
                try Statement("PRAGMA user_version=\(version + 1)", in: raw).run([]) { _ in }
                return false
            }
            if done { return }
        }
    }

    private func statement(_ sql: String) throws(SQLiteError) -> Statement {
        precondition(thread.isCurrent, "a connection is used off its database's thread")
        if let statement = statements[sql] { return statement }
        let statement = try Statement(sql, in: raw)
        // The program has few statement texts; the cap is for texts built at run time.
        if statements.count >= 128 { statements = [:] }
        statements[sql] = statement
        return statement
    }
}
