// A database file, opened with its schema brought up to date.
// Every use moves to the database's own thread and runs there without interruption.

/// A SQLite file with its own thread.
public actor Database {
    private nonisolated let thread: DatabaseThread
    private var connection: Connection?
    private let path: String

    /// The executor on the database's thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe thread.asUnownedSerialExecutor()
    }

    private init(path: String) {
        self.path = path
        thread = DatabaseThread()
    }

    /// Opens or creates the file at `path` and applies the `migrations` that it lacks.
    ///
    /// A released migration is never edited; a change of schema is a further one at the end.
    public static func open(path: String, migrations: [String]) async throws(SQLiteError)
        -> Database
    {
        let database = Database(path: path)
        try await database.connect(migrations)
        return database
    }

    /// Opens an existing file to look at it: it is not changed, not even its schema.
    ///
    /// `isInUse`: another process may write it meanwhile.
    public static func reading(path: String, isInUse: Bool) async throws(SQLiteError) -> Database {
        let database = Database(path: path)
        try await database.look(isInUse)
        return database
    }

    private func look(_ isInUse: Bool) throws(SQLiteError) {
        connection = try Connection(reading: path, isInUse: isInUse, thread: thread)
    }

    private func connect(_ migrations: [String]) throws(SQLiteError) {
        do {
            let connection = try Connection(path: path, thread: thread)
            try connection.migrate(migrations)
            self.connection = connection
        } catch let error as SQLiteError {
            throw error
        } catch {
            throw .failed(code: 0, detail: "\(error)")
        }
    }

    /// Runs `body` on the database's thread.
    public func run<Result: Sendable>(
        _ body: @Sendable (Connection) throws -> Result
    ) throws -> Result {
        guard let connection else { throw SQLiteError.cannotOpen(path: path, detail: "closed") }
        return try body(connection)
    }

    /// Closes the file; every later use fails.
    public func close() { connection = nil }
}
