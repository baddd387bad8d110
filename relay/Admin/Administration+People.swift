// The admin commands about people: who they are, the links by which they come in, and where they
// are logged in. Invariant: a link appears only in the reply to the request that made it.

import Configuration
import JSON
import Loop
import Wire

extension Administration {
    func people() async throws -> JSON {
        let (links, passkeys) = (try await store.openLinks(), try await store.passkeys())
        let sessions = try await store.pageSessions()
        let rows = try await store.people().map { person -> JSON in
            let own = passkeys.filter { $0.person == person.id }
            var row = Self.members(of: person)
            row["passkeys"] = JSON(own.count)
            row["logged_in"] = JSON(sessions.count { $0.person == person.id })
            row["link_until"] = Self.time(links[person.id])
            row["last_login"] = Self.time(own.compactMap(\.lastUsed).max())
            row["created"] = Self.time(person.created)
            return .object(row)
        }
        return ["people": .array(rows)]
    }

    func invitePerson(_ request: JSON) async throws -> JSON {
        let address = try await pages()
        let made = try await store.invitePerson(
            name: request["name"]?.stringValue ?? "", scopes: try scopes(request),
            pattern: request["pattern"]?.stringValue ?? "*")
        await live?.peopleChanged()
        return Self.link(made, at: address)
    }

    func linkPerson(_ request: JSON) async throws -> JSON {
        let address = try await pages()
        return Self.link(
            try await store.makeLink(for: request["name"]?.stringValue ?? ""), at: address)
    }

    func revokePerson(_ request: JSON) async throws -> JSON {
        let person = try await store.revokePerson(request["name"]?.stringValue ?? "")
        var result: JSON.Object = ["revoked": .string(person.name), "id": .string(person.id)]
        for (key, value) in await live?.personRevoked(person.id) ?? [:] { result[key] = value }
        return .object(result)
    }

    func pageSessions(_ request: JSON) async throws -> JSON {
        let people = try await store.people()
        let wanted = request["name"]?.stringValue
        if let wanted, !people.contains(where: { [$0.name, $0.id].contains(wanted) }) {
            throw StoreError.unknownPerson(wanted, nearest: nil)
        }
        let names = Dictionary(people.map { ($0.id, $0.name) }) { first, _ in first }
        let rows = try await store.pageSessions().filter { session in
            wanted == nil || session.person == wanted || names[session.person] == wanted
        }
        return [
            "sessions": .array(
                rows.map { session in
                    [
                        "id": .string(session.id),
                        "person": .string(names[session.person] ?? session.person),
                        "browser": .string(session.browser), "from": .string(session.peer),
                        "since": Self.time(session.created),
                        "last_used": Self.time(session.lastUsed),
                    ]
                })
        ]
    }

    func logOut(_ request: JSON) async throws -> JSON {
        let name = request["name"]?.stringValue ?? ""
        let sessions = try await store.pageSessions()
        var ended = 0
        if sessions.contains(where: { $0.id == name }) {
            try await store.endPageSession(name)
            ended = 1
        } else {
            let people = try await store.people()
            guard let person = people.first(where: { $0.name == name || $0.id == name }) else {
                throw AdminFault(
                    message: "no person and no session '\(name)': see homeline-relay people"
                        + " sessions",
                    exit: ExitCode.data)
            }
            ended = sessions.count { $0.person == person.id }
            try await store.endPageSessions(of: person.id)
        }
        await live?.peopleChanged()
        return ["ended": JSON(ended)]
    }

    /// Where people log in; throws if browsers offer no passkeys there.
    private func pages() async throws -> WebAddress {
        guard let url = try await store.fact(Self.mcpFact), let address = WebAddress(mcp: url)
        else {
            throw AdminFault(
                message: "the URL of the relay's pages is not known yet: start the relay",
                exit: ExitCode.unavailable)
        }
        if let obstacle = address.obstacle {
            throw AdminFault(message: obstacle, exit: ExitCode.unavailable)
        }
        return address
    }

    /// The secret is behind `#`: browsers send that part to nobody.
    private static func link(
        _ made: (person: Person, secret: String, expires: Int64), at address: WebAddress
    ) -> JSON {
        var members = members(of: made.person)
        members["link"] = .string(address.url("welcome#\(made.secret)"))
        members["expires"] = time(made.expires)
        return .object(members)
    }

    private static func members(of person: Person) -> JSON.Object {
        [
            "person": .string(person.name), "id": .string(person.id),
            "scopes": .array(
                Scope.allCases.filter(person.scopes.contains).map { .string($0.rawValue) }),
            "pattern": .string(person.pattern.description),
        ]
    }

    private static func time(_ moment: Int64?) -> JSON {
        moment.map { .string(UTCTime($0).rfc3339) } ?? .null
    }
}
