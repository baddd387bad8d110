// Stores that an earlier release made: opened, and all that they hold is still there.
import Crypto
import SQLite
import Support
import Testing

@testable import homeline_relay

@Suite struct MigrationTests {
    /// The step that lets several agents join by one invitation.
    private static let manyUses = 5

    /// A store of the schema's first `steps` steps, with an agent and an invitation.
    private func stored(_ steps: Int) async throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory("old-store")
        let old = try await Database.open(
            path: folder.path + "/relay.db", migrations: Array(Schema.migrations.prefix(steps)))
        try await old.run { connection in
            try connection.execute(
                "INSERT INTO agent (id, name, public_key, tags, purpose, created) "
                    + "VALUES ('a1', 'lab', x'01', 'x,y', 'jump box', 5)")
            if steps >= Self.manyUses {
                for (id, secret) in [("i1", 7), ("i2", 8)] as [(String, UInt8)] {
                    try connection.execute(
                        "INSERT INTO invitation (id, secret_hash, tags, purpose, created, expires, "
                            + "uses, made_by) VALUES (?, ?, ?, '', 5, 100, 1, '')",
                        .text(id), .blob(SHA256.hash([secret])), .text(id == "i1" ? "z" : ""))
                }
                try connection.execute("INSERT INTO redemption VALUES ('i2', 'a1', 6)")
                return
            }
            try connection.execute(
                "INSERT INTO invitation (id, secret_hash, tags, purpose, created, expires) "
                    + "VALUES ('i1', ?, 'z', '', 5, 100)", .blob(SHA256.hash([7])))
            try connection.execute(
                "INSERT INTO invitation (id, secret_hash, name, tags, purpose, created, expires, "
                    + "used, used_by) VALUES ('i2', ?, 'lab', '', '', 5, 100, 6, 'a1')",
                .blob(SHA256.hash([8])))
        }
        await old.close()
        return folder
    }

    @Test(arguments: 1..<Schema.migrations.count)
    func `a store of an earlier release keeps what it holds`(steps: Int) async throws {
        let folder = try await stored(steps)
        let store = try await Store.open(folder: folder.path, now: { 10 })
        let agents = try await store.agents()
        #expect(agents.map(\.name) == ["lab"] && agents.first?.tags == ["x", "y"])
        #expect(agents.first?.facts == nil && agents.first?.ownTags == [])
        let joined = try await store.redeem(
            secret: [7], publicKey: Random.bytes(32), name: "new")
        #expect(try await store.invitations() == [])
        #expect(joined.name == "new" && joined.tags == ["z"])
        await #expect(throws: StoreError.invitationUsed) {
            try await store.redeem(secret: [8], publicKey: Random.bytes(32))
        }
        await store.close()
    }
}
