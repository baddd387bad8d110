// The wrapper on real files: values, schema, transactions, confinement, several processes' locks.

import Foundation
import SQLite
import Support
import Testing

@Suite struct DatabaseTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.path + "/test.db" }

    init() throws { folder = try TemporaryDirectory() }

    private let schema = [
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB, share REAL)"
    ]

    @Test func `every kind of value comes back`() async throws {
        let database = try await Database.open(path: path, migrations: schema)
        let row = try await database.run { connection in
            try connection.execute(
                "INSERT INTO item VALUES (?, ?, ?, ?)",
                .integer(.max), .text("a\u{0}b é"), .blob([0, 255]), .real(0.5))
            try connection.execute("INSERT INTO item VALUES (1, NULL, ?, ?)", .blob([]), .null)
            return try connection.rows("SELECT * FROM item ORDER BY id")
        }
        #expect(row[1].integer("id") == .max)
        #expect(row[1]["share"] == .real(0.5))
        #expect(row[1].blob("data") == [0, 255])
        #expect(row[1].text("name") == "a\u{0}b é")
        #expect(row[0].blob("data") == [])
        #expect(row[0].text("name") == nil)
        #expect(row[0]["nothing"] == .null)
    }

    @Test func `a new file may be opened by several at once`() async throws {
        for round in 0..<20 {
            let path = folder.path + "/new\(round).db"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await (try Database.open(path: path, migrations: schema)).close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `the schema moves up once and never down`() async throws {
        let first = try await Database.open(path: path, migrations: schema)
        try await first.run { _ = try $0.execute("INSERT INTO item (name) VALUES ('kept')") }
        await first.close()
        let more = schema + ["ALTER TABLE item ADD COLUMN colour TEXT DEFAULT 'red'"]
        let second = try await Database.open(path: path, migrations: more)
        let rows = try await second.run { try $0.rows("SELECT * FROM item") }
        #expect(rows.first?.text("colour") == "red")
        await second.close()
        await #expect(throws: SQLiteError.newerSchema(found: 2, known: 1)) {
            try await Database.open(path: path, migrations: schema)
        }
    }

    @Test func `a failed migration leaves the schema before it`() async throws {
        let broken = schema + ["CREATE TABLE other (id); CREATE TABLE item (id)"]
        await #expect(throws: SQLiteError.self) {
            try await Database.open(path: path, migrations: broken)
        }
        let database = try await Database.open(path: path, migrations: schema)
        let tables = try await database.run {
            try $0.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        #expect(tables.map { $0.text("name") } == ["item"])
    }

    @Test func `a transaction that throws changes nothing`() async throws {
        let database = try await Database.open(path: path, migrations: schema)
        await #expect(throws: SQLiteError.self) {
            try await database.run { connection in
                try connection.transaction {
                    try connection.execute("INSERT INTO item (name) VALUES ('a')")
                    try connection.execute("INSERT INTO item (name) VALUES ('a')")
                }
            }
        }
        #expect(try await database.run { try $0.rows("SELECT * FROM item").count } == 0)
    }

    @Test func `a broken rule says which`() async throws {
        let database = try await Database.open(path: path, migrations: schema)
        await #expect(throws: SQLiteError.constraint("UNIQUE constraint failed: item.name")) {
            try await database.run { connection in
                for _ in 0..<2 { try connection.execute("INSERT INTO item (name) VALUES ('a')") }
            }
        }
    }

    @Test func `two connections write in turn and lose nothing`() async throws {
        let databases = [
            try await Database.open(path: path, migrations: schema),
            try await Database.open(path: path, migrations: schema),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                let database = databases[index % 2]
                group.addTask {
                    try await database.run { connection in
                        try connection.transaction {
                            _ = try connection.rows("SELECT count(*) FROM item")
                            _ = try connection.execute(
                                "INSERT INTO item (name) VALUES (?)", .text("n\(index)"))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await databases[0].run { try $0.rows("SELECT * FROM item").count } == 40)
    }

    @Test func `files are private and no database is refused plainly`() async throws {
        let database = try await Database.open(path: path, migrations: schema)
        for name in ["test.db", "test.db-wal", "test.db-shm"] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: folder.path + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        await database.close()
        await #expect(throws: SQLiteError.self) {
            try await database.run { try $0.rows("SELECT 1").count }
        }

        let other = folder.path + "/text.db"
        try Data(repeating: 65, count: 8192).write(to: URL(fileURLWithPath: other))
        await #expect(throws: SQLiteError.corrupt("file is not a database")) {
            try await Database.open(path: other, migrations: schema)
        }
        await #expect(
            throws: SQLiteError.cannotOpen(
                path: folder.path + "/no/x.db", detail: "unable to open database file")
        ) {
            try await Database.open(path: folder.path + "/no/x.db", migrations: [])
        }
    }

    @Test func `a connection off its thread stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let folder = try TemporaryDirectory()
            let database = try await Database.open(path: folder.path + "/x.db", migrations: [])
            let stolen = Box<Connection?>(nil)
            try await database.run { connection in
                stolen.withLock { $0 = connection }
            }
            _ = try stolen.withLock { try $0?.rows("SELECT 1") }
        }
    }
}
