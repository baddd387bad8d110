// What the relay keeps: its database, the agents and tokens in it, its key for tunnels. Part of
// Doctor. Invariant: all of it is only read.
import Configuration
import Crypto
import Diagnosis
import Glibc
import JSON
import Loop
import SQLite

/// What the database says.
struct Records: Sendable {
    var schema = 0
    var agents = 0
    var tokens = 0
    var invitations = 0
    /// The URLs that agents dial.
    var tunnelURLs: [String] = []
}

/// Checks of the data folder's content.
@IO struct RecordChecks {
    let examination: Examination
    let folder: DataFolder
    /// What the running relay says of itself; nil: none runs.
    let status: JSON?

    /// Returns what the database says; nil if it cannot be read.
    func run() async -> Records? {
        let records = await store()
        if let records {
            let online = status?["online"]?.intValue.map { ", \($0) online" } ?? ""
            let open = "\(records.invitations) open invitations"
            examination.note(
                "agents", "the agents that joined",
                records.agents > 0
                    ? .ok("\(records.agents)\(online); \(open)")
                    : .warning(
                        "none; \(open)",
                        advice: "homeline-relay invite prints the line that joins one"
                    ))
            examination.note(
                "tokens", "the tokens of MCP clients",
                records.tokens > 0
                    ? .ok("\(records.tokens)")
                    : .warning(
                        "none: no client can log in over HTTP",
                        advice: "homeline-relay tokens create NAME"))
        }
        return records
    }

    /// The time for reading the whole database: that of 10,000 agents takes some 100 ms.
    private static let patience = Duration.seconds(8)

    private func store() async -> Records? {
        let path = folder.path + "/relay.db"
        let isRunning = status != nil
        return await examination.find(
            "store", path, within: Self.patience, late: .hangs(path)
        ) {
            do {
                let bytes = try SecureFile.size(path)
                let database = try await Database.reading(path: path, isInUse: isRunning)
                let (records, damage) = try await database.run { try Self.read($0) }
                await database.close()
                return (Self.judge(records.schema, damage, bytes), records)
            } catch CryptoError.file(_, code: 2) {  // ENOENT
                return (
                    .warning(
                        "not there yet", advice: "homeline-relay serve makes it at its first start"),
                    nil
                )
            } catch {
                return (
                    .fault(
                        "\(error)", advice: "stop the relay and restore a copy of the data folder",
                        exit: ExitCode.io), nil
                )
            }
        }
    }

    private nonisolated static func read(
        _ connection: Connection
    ) throws -> (Records, damage: String?) {
        func number(_ sql: String) throws -> Int {
            let row = try connection.rows(sql).first
            return Int(clamping: row?.integer("n") ?? 0)
        }
        let check = try connection.rows("PRAGMA quick_check(3)").compactMap {
            $0.text("quick_check")
        }
        var records = Records()
        records.schema = Int(
            clamping: try connection.rows("PRAGMA user_version").first?.integer("user_version") ?? 0
        )
        if records.schema > 0, records.schema <= Schema.migrations.count {
            records.agents = try number("SELECT count(*) AS n FROM agent WHERE revoked IS NULL")
            records.tokens = try number("SELECT count(*) AS n FROM token WHERE revoked IS NULL")
            // An older schema has other columns, until the relay's next start brings it up to date.
            if records.schema == Schema.migrations.count {
                records.invitations = try Store.openInvitations(at: Int64(time(nil)), connection)
                    .count
            }
            records.tunnelURLs = TunnelURL.texts(
                try connection.rows("SELECT value FROM fact WHERE key = 'tunnel_url'")
                    .first?.text("value"))
        }
        return (records, check == ["ok"] ? nil : check.joined(separator: "; "))
    }

    private static func judge(_ schema: Int, _ damage: String?, _ bytes: Int) -> Check.Verdict {
        let known = Schema.migrations.count
        if let damage {
            return .fault(
                "damaged: \(damage)",
                advice: "stop the relay and restore a copy of the data folder",
                exit: ExitCode.io)
        }
        guard schema <= known else {
            return .fault(
                "\(SQLiteError.newerSchema(found: schema, known: known))",
                advice: "run the newer program", exit: ExitCode.configuration)
        }
        return .ok("sound, schema \(schema) of \(known), \(Examination.size(bytes))")
    }

    /// Returns the relay's own key for tunnels, as its pin.
    func identity() -> PublicKeyPin? {
        let tried = "\(folder.path)/tunnel.key, tunnel.crt"
        do throws(CryptoError) {
            let pin = try RelayIdentity(existingIn: folder).pin
            examination.note("identity", tried, .ok("readable, pin \(pin)"))
            return pin
        } catch .file(_, code: 2) {  // ENOENT
            examination.note(
                "identity", tried,
                status == nil
                    ? .ok("not there yet: the first start makes them")
                    : .fault(
                        "not there, while the relay runs", exit: ExitCode.noInput))
        } catch {
            examination.note("identity", tried, .fault("\(error)", exit: ExitCode.noPermission))
        }
        return nil
    }
}

extension Check.Verdict {
    /// A key for tunnels that cannot be used.
    fileprivate static func fault(_ came: String, exit: Int32) -> Check.Verdict {
        .fault(
            came,
            advice: "restore both files, mode 600: with another key every agent must join again",
            exit: exit)
    }
}
