// Carries out admin commands: takes a command with its arguments, returns one JSON reply.
// Where in the flow: behind the admin socket of a running relay, or inside the command's own
// process when none runs. Invariant: a secret appears only in the reply to the request that created
// it.

import Configuration
import Crypto
import JSON
import Loop
import Wire

/// A refused admin command: what to print and the exit code.
struct AdminFault: Error, Equatable, Sendable {
    let message: String
    let exit: Int32
}

/// Carries out admin commands on the store and on the relay, if it runs.
@IO final class Administration {
    private let folder: DataFolder
    let store: Store
    private let programs: AgentPrograms
    weak var live: (any LiveRelay)?
    /// Ends the relay so that another process can run one; nil if it does not make way.
    var onYield: (@IO () -> Void)?

    init(
        folder: DataFolder, store: Store, programs: AgentPrograms? = nil,
        live: (any LiveRelay)? = nil
    ) {
        self.folder = folder
        self.store = store
        self.programs = programs ?? AgentPrograms(data: folder.path)
        self.live = live
    }

    /// Stores the addresses that agents dial and the relay's pin; nil if a public authority vouches
    /// for it.
    func remember(tunnelURLs: [String], pin: PublicKeyPin?) async throws(StoreError) {
        try await store.setFact("tunnel_url", tunnelURLs.joined(separator: " "))
        try await store.setFact("tunnel_pin", pin?.description ?? "public")
    }

    /// The fact under which the URL of MCP clients is stored; the pages are beside it.
    nonisolated static let mcpFact = "mcp_url"

    /// Stores how MCP clients and browsers reach the relay.
    func remember(mcpURL: String) async throws(StoreError) {
        try await store.setFact(Self.mcpFact, mcpURL)
    }

    /// The reply to a request: `{"ok": …}` or `{"error": {"message": …, "exit": …}}`.
    func reply(to request: JSON) async -> JSON {
        do {
            return ["ok": try await perform(request["command"]?.stringValue ?? "", request)]
        } catch {
            return Self.refusal(error)
        }
    }

    /// The reply that carries a fault.
    static func refusal(_ fault: AdminFault) -> JSON {
        ["error": ["message": .string(fault.message), "exit": JSON(fault.exit)]]
    }

    private func perform(_ command: String, _ request: JSON) async throws(AdminFault) -> JSON {
        do {
            switch command {
            case "status": return try await status()
            case "invite": return try await invite(request)
            case "invitations": return try await invitations()
            case "invitations cancel": return try await cancelInvitation(request)
            case "agents": return try await agents()
            case "agents update": return try await updateAgent(request)
            case "agents new-key": return try await changeKey(request)
            case "agents revoke": return try await revokeAgent(request)
            case "tokens": return try await tokens()
            case "tokens create": return try await createToken(request)
            case "tokens revoke": return try await revokeToken(request)
            case "clients": return try await clients()
            case "clients add": return try await addClient(request)
            case "clients remove": return try await removeClient(request)
            case "clients revoke": return try await revokeGrant(request)
            case "people": return try await people()
            case "people invite": return try await invitePerson(request)
            case "people link": return try await linkPerson(request)
            case "people revoke": return try await revokePerson(request)
            case "people sessions": return try await pageSessions(request)
            case "people log-out": return try await logOut(request)
            case "yield":
                guard let onYield else {
                    throw AdminFault(
                        message: "this relay runs as a service: end it before another one starts",
                        exit: ExitCode.unavailable)
                }
                onYield()
                return [:]
            default:
                if let answer = try await live?.perform(command, request) { return answer }
                throw AdminFault(
                    message: "there is no admin command '\(command)'"
                        + (live == nil ? " that works without a running relay" : ""),
                    exit: ExitCode.unavailable)
            }
        } catch let fault as AdminFault {
            throw fault
        } catch {
            throw AdminFault(error)
        }
    }

    private func status() async throws -> JSON {
        var status: JSON.Object = ["running": JSON(live != nil), "data": .string(folder.path)]
        status["agents"] = JSON(try await store.agents().count)
        status["online"] = JSON(live?.presence().count ?? 0)
        for (key, value) in live?.status() ?? [:] { status[key] = value }
        return .object(status)
    }

    private func invite(_ request: JSON) async throws -> JSON {
        let lifetime = request["ttl_s"]?.intValue ?? 1800
        guard (1...2_592_000).contains(lifetime) else {
            throw AdminFault(
                message: "an invitation can be valid for 1s to 30d", exit: ExitCode.usage)
        }
        let given = try TunnelURL.list(TunnelURL.texts(request["tunnel_url"]?.stringValue))
        let urls =
            given.isEmpty
            ? TunnelURL.texts(try await store.fact("tunnel_url")) : given.map(\.description)
        guard let url = urls.first else {
            throw AdminFault(
                message:
                    "the address that agents dial is not known yet: start the relay, or give "
                    + "--tunnel-url",
                exit: ExitCode.unavailable)
        }
        let pin = try await pin()
        let seal = await programs.seal()
        if request["pasted"] == true, let lack = PastedLine.lack(seal: seal) {
            throw AdminFault(message: lack, exit: ExitCode.unavailable)
        }
        // Encoded before anything is stored, so that a bad URL leaves nothing behind.
        _ = try Invitation(urls: urls, pin: pin, secret: [UInt8](repeating: 0, count: 16))
        let (record, secret) = try await store.createInvitation(
            name: request["name"]?.stringValue, tags: request.strings("tags"),
            purpose: request["purpose"]?.stringValue ?? "",
            uses: request["uses"]?.intValue.flatMap { Int(exactly: $0) } ?? 1,
            rejoining: request["rejoin"]?.stringValue, madeBy: "operator",
            lifetime: .seconds(lifetime))
        let invitation = try Invitation(urls: urls, pin: pin, secret: secret).text
        func pasted(_ downloader: PastedLine.Downloader) -> JSON {
            let line = seal.flatMap {
                PastedLine.text(
                    url: url, pin: pin.flatMap { PublicKeyPin(bytes: $0) }, invitation: invitation,
                    seal: $0, with: downloader)
            }
            return line.map(JSON.string) ?? .null
        }
        let warnings = [
            given.isEmpty ? (try? TunnelURL(url))?.doubt : nil,
            seal == nil ? nil : PastedLine.warning(url: url),
        ]
        return [
            "invitation": .string(invitation), "line": .string("homeline-agent join \(invitation)"),
            "pasted": pasted(.curl), "pasted_wget": pasted(.wget),
            "warnings": .array(warnings.compactMap { $0 }.map(JSON.string)),
            "id": .string(record.id), "expires": .string(UTCTime(record.expires).rfc3339),
            "tunnel_url": .string(url), "tunnel_urls": .array(urls.map(JSON.string)),
        ]
    }

    /// The pin of the key that agents find; nil: a public authority vouches for it.
    private func pin() async throws -> [UInt8]? {
        switch try await store.fact("tunnel_pin") {
        case "public": return nil
        case let text?:
            // A pin that cannot be read must not turn into "any public authority will do".
            guard let pin = PublicKeyPin(text) else {
                throw AdminFault(
                    message: "the pin of the relay's key in relay.db is damaged: start the relay, "
                        + "which stores it again",
                    exit: ExitCode.data)
            }
            return pin.bytes
        case nil: return try RelayIdentity(folder: folder).pin.bytes
        }
    }

    private func invitations() async throws -> JSON {
        let names = Dictionary(
            try await store.agents().map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first })
        let rows = try await store.invitations().map { invitation -> JSON in
            [
                "id": .string(invitation.id), "name": invitation.name.map(JSON.string) ?? .null,
                "rejoins": invitation.rejoins.map { .string(names[$0] ?? $0) } ?? .null,
                "tags": .array(invitation.tags.map(JSON.string)),
                "purpose": .string(invitation.purpose), "uses": JSON(invitation.uses),
                "left": JSON(invitation.uses - invitation.used),
                "expires": .string(UTCTime(invitation.expires).rfc3339),
                "made_by": .string(invitation.madeBy),
            ]
        }
        return ["invitations": .array(rows)]
    }

    private func cancelInvitation(_ request: JSON) async throws -> JSON {
        let found = try await store.cancelInvitation(request["id"]?.stringValue ?? "")
        return ["cancelled": .string(found.id), "used": JSON(found.used)]
    }

    private func agents() async throws -> JSON {
        let presence = live?.presence() ?? [:]
        let rows = try await store.agents().map { agent -> JSON in
            var row: JSON.Object = [
                "agent": .string(agent.name), "id": .string(agent.id),
                "online": JSON(presence[agent.id] != nil), "purpose": .string(agent.purpose),
                "tags": .array(agent.tags.map(JSON.string)),
                "own_tags": .array(agent.ownTags.map(JSON.string)),
                "created": .string(UTCTime(agent.created).rfc3339),
                "key_made": agent.keyMade == 0
                    ? .null : .string(UTCTime(agent.keyMade).rfc3339),
                "changed": agent.changed.map { .string(UTCTime($0).rfc3339) } ?? .null,
                "changed_by": agent.changedBy.map(JSON.string) ?? .null,
                "last_seen": agent.lastSeen.map { .string(UTCTime($0).rfc3339) } ?? .null,
            ]
            for (key, value) in presence[agent.id] ?? [:] { row[key] = value }
            return .object(row)
        }
        return ["agents": .array(rows)]
    }

    private func updateAgent(_ request: JSON) async throws -> JSON {
        let (name, purpose) = (request["name"]?.stringValue, request["purpose"]?.stringValue)
        let tags = request["tags"].map { _ in request.strings("tags") }
        guard name != nil || tags != nil || purpose != nil else {
            throw AdminFault(
                message: "nothing to change: give --name, --tags or --purpose",
                exit: ExitCode.usage)
        }
        let record = try await store.updateAgent(
            request["agent"]?.stringValue ?? "", name: name, tags: tags, purpose: purpose,
            by: "operator")
        live?.agentChanged(record)
        return [
            "agent": .string(record.name), "id": .string(record.id),
            "tags": .array(record.tags.map(JSON.string)), "purpose": .string(record.purpose),
        ]
    }

    private func changeKey(_ request: JSON) async throws -> JSON {
        let record = try await store.expireKey(request["name"]?.stringValue ?? "")
        let obstacle = live == nil ? "no relay runs" : await live?.changeKey(of: record)
        return [
            "agent": .string(record.name), "id": .string(record.id),
            "changed": JSON(obstacle == nil), "obstacle": obstacle.map(JSON.string) ?? .null,
        ]
    }

    private func revokeAgent(_ request: JSON) async throws -> JSON {
        let agent = try await store.revokeAgent(request["name"]?.stringValue ?? "")
        live?.agentRevoked(agent.id)
        return ["revoked": .string(agent.name), "id": .string(agent.id)]
    }

    private func tokens() async throws -> JSON {
        ["tokens": .array(try await store.tokens().map { .object(Self.members(of: $0)) })]
    }

    /// The scopes that a request names; all but admin if it names none.
    func scopes(_ request: JSON) throws(AdminFault) -> Set<Scope> {
        var scopes: Set<Scope> = []
        for word in request.strings("scopes") {
            guard let scope = Scope(rawValue: word) else {
                throw AdminFault(
                    message: "'\(word)' is not a scope: use \(Scope.text(Set(Scope.allCases)))",
                    exit: ExitCode.usage)
            }
            scopes.insert(scope)
        }
        return scopes.isEmpty ? Set(Scope.allCases).subtracting([.admin]) : scopes
    }

    private func createToken(_ request: JSON) async throws -> JSON {
        let (record, token) = try await store.createToken(
            name: request["name"]?.stringValue ?? "", scopes: try scopes(request),
            pattern: request["pattern"]?.stringValue ?? "*")
        await live?.tokensChanged()
        var members = Self.members(of: record)
        members["token"] = .string(token)
        return .object(members)
    }

    private func revokeToken(_ request: JSON) async throws -> JSON {
        let token = try await store.revokeToken(request["name"]?.stringValue ?? "")
        var result: JSON.Object = ["revoked": .string(token.name), "id": .string(token.id)]
        for (key, value) in await live?.tokenRevoked(token.id) ?? [:] { result[key] = value }
        return .object(result)
    }

    private static func members(of token: TokenRecord) -> JSON.Object {
        [
            "name": .string(token.name), "id": .string(token.id),
            "scopes": .array(
                Scope.allCases.filter(token.scopes.contains).map { .string($0.rawValue) }),
            "pattern": .string(token.pattern.description),
            "created": .string(UTCTime(token.created).rfc3339),
            "last_used": token.lastUsed.map { .string(UTCTime($0).rfc3339) } ?? .null,
        ]
    }
}

extension AdminFault {
    /// Wraps another part's error, keeping its message.
    init(_ error: any Error) {
        let exit =
            switch error {
            case StoreError.database: ExitCode.io
            case is StoreError: ExitCode.data
            case is CryptoError: ExitCode.noPermission
            case is Invitation.Failure: ExitCode.data
            case let error as ConfigurationError: error.exitCode
            default: ExitCode.software
            }
        self.init(message: "\(error)", exit: exit)
    }
}

extension JSON {
    /// The strings in a member that is a list.
    func strings(_ key: String) -> [String] {
        self[key]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}
