// The files of the drop-box and their URLs. The bytes are files of their own, which DropBox writes.
// Invariant: a URL's secret is stored only as its hash, and all files together, and those of one
// owner, never have more bytes or a greater number than the caps say.
import SQLite
import Wire

/// How much the drop-box takes.
struct DropCaps: Sendable, Equatable {
    /// Bytes of all files.
    var bytes: Int
    /// Bytes of one owner's files.
    var ownerBytes: Int
    /// All files.
    var files: Int
    /// One owner's files.
    var ownerFiles: Int

    /// What there is too little of.
    enum Lack: Sendable, Equatable {
        case bytes, ownerBytes, files, ownerFiles
    }

    /// What is there.
    struct Used: Sendable, Equatable {
        var bytes = 0
        var files = 0
    }

    /// What a file lacks that would be there beside all others and those of its owner; nil:
    /// nothing.
    func lack(of size: Int, beside all: Used, _ own: Used) -> Lack? {
        if own.files >= ownerFiles { return .ownerFiles }
        if all.files >= files { return .files }
        // No sum of a size that a client has announced.
        if size > ownerBytes - own.bytes { return .ownerBytes }
        if size > bytes - all.bytes { return .bytes }
        return nil
    }
}

extension DropCaps.Used {
    fileprivate init(_ row: Row?) {
        bytes = Int(row?.integer("bytes") ?? 0)
        files = Int(row?.integer("files") ?? 0)
    }
}

extension DropRecord {
    init?(_ row: Row) {
        guard let id = row.text("id"), let owner = row.text("owner"), let name = row.text("name"),
            let state = row.text("state").flatMap(DropInfo.State.init(rawValue:)),
            let size = row.integer("size"), let room = row.integer("room"),
            let created = row.integer("created"), let expires = row.integer("expires")
        else { return nil }
        self.init(
            id: id, owner: owner, name: name, state: state, size: Int(size),
            sha256: row.blob("sha256"), room: Int(room), created: created, expires: expires)
    }
}

extension Store {
    /// Adds a file, with the hash of the URL by which it is to come; nil: it is there now.
    func addDrop(
        _ record: DropRecord, url: [UInt8]?, _ caps: DropCaps
    ) async throws(StoreError) -> DropCaps.Lack? {
        let moment = now()
        return try await change { connection in
            if let lack = try Self.lack(of: record, record.size, caps, moment, connection) {
                return lack
            }
            try connection.execute(
                "INSERT INTO drop_file VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?)",
                .text(record.id), .text(record.owner), .text(record.name),
                .text(record.state.rawValue), .integer(Int64(record.size)),
                .integer(Int64(record.room)), .integer(record.created), .integer(record.expires))
            if let url { try Self.add(url, .upload, to: record, connection) }
            return nil
        }
    }

    /// What came of making room for a file of another size.
    enum Resizing: Sendable, Equatable {
        case resized
        case lacks(DropCaps.Lack)
        /// The file was deleted, or is whole.
        case gone
    }

    /// Makes room for a file of another size, which is not whole.
    func resizeDrop(
        _ record: DropRecord, to size: Int, _ caps: DropCaps
    ) async throws(StoreError) -> Resizing {
        let moment = now()
        return try await change { connection in
            if let lack = try Self.lack(of: record, size, caps, moment, connection) {
                return .lacks(lack)
            }
            let count = try connection.execute(
                "UPDATE drop_file SET size = ? WHERE id = ? AND state != 'whole'",
                .integer(Int64(size)), .text(record.id))
            return count == 0 ? .gone : .resized
        }
    }

    /// What has expired takes no room: it goes with the next sweep.
    private nonisolated static func lack(
        of record: DropRecord, _ size: Int, _ caps: DropCaps, _ moment: Int64,
        _ connection: Connection
    ) throws -> DropCaps.Lack? {
        let others = """
            SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM drop_file
            WHERE id != ? AND expires > ?
            """
        let (id, owner) = (SQLiteValue.text(record.id), SQLiteValue.text(record.owner))
        let now = SQLiteValue.integer(moment)
        let all = try connection.rows(others, id, now).first
        let own = try connection.rows("\(others) AND owner = ?", id, now, owner).first
        return caps.lack(of: size, beside: DropCaps.Used(all), DropCaps.Used(own))
    }

    /// Marks a file as whole, and its upload URL as used; returns the file whose name it takes.
    ///
    /// Nil: the file was deleted meanwhile, or is whole.
    func finishDrop(
        _ id: String, size: Int, sha256: [UInt8]
    ) async throws(StoreError) -> (record: DropRecord, replaced: String?)? {
        try await change { connection in
            guard var record = try Self.drop(id, connection), record.state != .whole else {
                return nil
            }
            (record.state, record.size, record.sha256) = (.whole, size, sha256)
            let former = try connection.rows(
                "SELECT id FROM drop_file WHERE owner = ? AND name = ? AND state = 'whole'",
                .text(record.owner), .text(record.name)
            ).first?.text("id")
            if let former { try Self.delete(former, .replaced, connection) }
            try connection.execute(
                "UPDATE drop_file SET state = 'whole', size = ?, sha256 = ? WHERE id = ?",
                .integer(Int64(size)), .blob(sha256), .text(id))
            try Self.endURLs(of: id, .used, connection)
            return (record, former)
        }
    }

    /// Makes a URL that leads to a whole file; its earlier one ends.
    func renewDropURL(_ hash: [UInt8], of record: DropRecord) async throws(StoreError) {
        try await change { connection in
            try Self.endURLs(of: record.id, .renewed, connection)
            try Self.add(hash, .download, to: record, connection)
        }
    }

    /// What a URL with this hash leads to; nil: it is not known.
    func drop(
        byURL hash: [UInt8]
    ) async throws(StoreError) -> (record: DropRecord?, direction: DropDirection, end: DropURLEnd?)?
    {
        try await run { connection in
            guard
                let row = try connection.rows("SELECT * FROM drop_url WHERE hash = ?", .blob(hash))
                    .first,
                let direction = row.text("direction").flatMap(DropDirection.init(rawValue:)),
                let file = row.text("file")
            else { return nil }
            let end = row.text("ended").map { DropURLEnd(rawValue: $0) ?? .expired }
            return (try Self.drop(file, connection), direction, end)
        }
    }

    /// One file; nil: there is none.
    func drop(_ id: String) async throws(StoreError) -> DropRecord? {
        try await run { connection in try Self.drop(id, connection) }
    }

    /// The files of one owner, or all, the newest first.
    func drops(of owner: String? = nil) async throws(StoreError) -> [DropRecord] {
        try await run { connection in
            let rows =
                if let owner {
                    try connection.rows(
                        "SELECT * FROM drop_file WHERE owner = ? ORDER BY created DESC, id",
                        .text(owner))
                } else {
                    try connection.rows("SELECT * FROM drop_file ORDER BY created DESC, id")
                }
            return rows.compactMap(DropRecord.init)
        }
    }

    /// The ids of all whole files, also of rows that cannot be read.
    func wholeDropIDs() async throws(StoreError) -> Set<String> {
        try await run { connection in
            let rows = try connection.rows("SELECT id FROM drop_file WHERE state = 'whole'")
            return Set(rows.compactMap { $0.text("id") })
        }
    }

    /// Deletes files; their URLs are remembered with the reason.
    func deleteDrops(_ ids: [String], _ why: DropURLEnd) async throws(StoreError) {
        try await change { connection in
            for id in ids { try Self.delete(id, why, connection) }
        }
    }

    /// Forgets the URLs whose time to be remembered is over.
    func forgetDropURLs() async throws(StoreError) {
        let moment = now()
        try await change { connection in
            _ = try connection.execute("DELETE FROM drop_url WHERE forget <= ?", .integer(moment))
        }
    }

    private nonisolated static func drop(
        _ id: String, _ connection: Connection
    ) throws -> DropRecord? {
        try connection.rows("SELECT * FROM drop_file WHERE id = ?", .text(id)).first
            .flatMap(DropRecord.init)
    }

    private nonisolated static func delete(
        _ id: String, _ why: DropURLEnd, _ connection: Connection
    ) throws {
        try connection.execute("DELETE FROM drop_file WHERE id = ?", .text(id))
        try endURLs(of: id, why, connection)
    }

    private nonisolated static func endURLs(
        of id: String, _ why: DropURLEnd, _ connection: Connection
    ) throws {
        try connection.execute(
            "UPDATE drop_url SET ended = ? WHERE file = ? AND ended IS NULL",
            .text(why.rawValue), .text(id))
    }

    /// Seconds for which a URL is remembered after its file's time: a day, so that who comes late
    /// reads why.
    private nonisolated static let memory: Int64 = 86_400

    private nonisolated static func add(
        _ hash: [UInt8], _ direction: DropDirection, to record: DropRecord, _ connection: Connection
    ) throws {
        try connection.execute(
            "INSERT INTO drop_url VALUES (?, ?, ?, NULL, ?)", .blob(hash), .text(record.id),
            .text(direction.rawValue), .integer(record.expires + memory))
    }
}
