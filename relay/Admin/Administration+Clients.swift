// The admin commands about OAuth: the programs that may ask people for access, and what they have
// got. Invariant: what is ended in the store is ended at the running relay before the reply.
import Configuration
import Crypto
import JSON
import Loop
import Wire

extension Administration {
    func clients() async throws -> JSON {
        let people = Dictionary(
            try await store.people().map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first })
        let grants = try await store.grants().map { grant -> JSON in
            [
                "grant": .string(grant.id), "person": .string(people[grant.person] ?? grant.person),
                "client": .string(grant.clientName.plain(keepsLines: false)),
                "client_id": .string(grant.client),
                "scopes": .array(Scope.words(grant.scopes).map(JSON.string)),
                "pattern": .string(grant.pattern.description),
                "created": .string(UTCTime(grant.created).rfc3339),
                "last_used": grant.lastUsed.map { .string(UTCTime($0).rfc3339) } ?? .null,
            ]
        }
        let clients = try await store.clients().map(Self.members(of:))
        return ["grants": .array(grants), "clients": .array(clients)]
    }

    func addClient(_ request: JSON) async throws -> JSON {
        guard let name = request["name"]?.stringValue, OAuthClient.isName(name) else {
            throw StoreError.clientNameInvalid
        }
        var redirects: [RedirectURI] = []
        for text in request.strings("redirects") {
            guard let redirect = RedirectURI(text) else { throw StoreError.redirectInvalid(text) }
            redirects.append(redirect)
        }
        guard !redirects.isEmpty else {
            throw AdminFault(
                message: "give --redirect with the address to which the program's logins lead back",
                exit: ExitCode.usage)
        }
        let client = OAuthClient(
            id: OAuthClient.prefix + Base64.encodeURL(Random.bytes(16)), name: name,
            redirects: redirects, origin: .added, created: store.now())
        try await store.addClient(client)
        return Self.members(of: client)
    }

    func removeClient(_ request: JSON) async throws -> JSON {
        let id = request["id"]?.stringValue ?? ""
        let grants = try await store.removeClient(id)
        await live?.oauthChanged()
        return ["removed": .string(id), "grants": .array(grants.map(JSON.string))]
    }

    func revokeGrant(_ request: JSON) async throws -> JSON {
        let id = request["id"]?.stringValue ?? ""
        guard try await store.revokeGrants([id]) == [id] else {
            throw StoreError.unknownGrant(id)
        }
        await live?.oauthChanged()
        return ["revoked": .string(id)]
    }

    private static func members(of client: OAuthClient) -> JSON {
        [
            "client_id": .string(client.id),
            "name": .string(client.name.plain(keepsLines: false)),
            "origin": .string(client.origin.rawValue),
            "redirects": .array(client.redirects.map { .string($0.description) }),
            "created": .string(UTCTime(client.created).rfc3339),
            "last_used": client.lastUsed.map { .string(UTCTime($0).rfc3339) } ?? .null,
        ]
    }
}
