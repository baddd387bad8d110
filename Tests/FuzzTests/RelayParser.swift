// The relay's own parsers of what operators and agents send.
import JSON
import Loop
import Wire

@testable import Configuration
@testable import homeline_relay

extension Parser {
    static let relayConfiguration = Parser(
        name: "relay.conf",
        seeds: [
            Array(
                "Mcp 127.0.0.1:1\nTunnel [::]:2\nPublicUrl https://x\nAllowOrigin a,b\n# c\n".utf8)
        ]
    ) { bytes in
        _ = try homeline_relay.Settings.program.reading(
            file: String(decoding: bytes, as: UTF8.self), path: "f", into: Options())
        return 0
    }

    static let rights = Parser(
        name: "tokens' patterns",
        seeds: ["*", "lab-*", "web/db-?", "tag:lab/*,site/root@web:22,x/[::1]"].map {
            Array($0.utf8)
        }
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        guard let pattern = AccessPattern(text) else { return 0 }
        _ = pattern.allows(agent: "lab-1", tags: ["lab"], target: .local)
        // A pattern covers nothing that it does not name.
        if !text.contains(where: { "*?".contains($0) }), !text.contains("lab-1") {
            precondition(!pattern.allows(agent: "lab-1", tags: []), "\(text)")
        }
        return pattern.reach(agent: "lab-1", tags: []).count
    }

    /// What an agent sends whose file goes to the drop-box.
    static let transferFrames = Parser(
        name: "transfer frames",
        seeds: [
            TransferFrame.total(files: 1, bytes: 2, path: "/a", name: "a"),
            .entry(TransferEntry(number: 0, path: "", kind: .file)), .data([1, 2]), .hole(9),
            .end(sha256: [UInt8](repeating: 1, count: 32)), .failed(path: "a", reason: "b"), .done,
            .want(number: 0, from: 1), .abandon(number: 0), .broken(code: "internal", reason: "c"),
        ].map(\.encoded)
    ) { bytes in
        let head = bytes.prefix(TransferFrame.headBytes)
        guard let count = TransferFrame.bodyBytes(head) else { return 0 }
        let body = Array(bytes.dropFirst(head.count).prefix(count))
        guard let frame = TransferFrame(bytes[0], body) else { return 0 }
        return frame.encoded.count
    }

    /// What clients send to the drop-box.
    static let dropBox = Parser(
        name: "drop-box requests",
        seeds: [
            "bytes=0-9", "bytes=-5", "bytes 0-9/10", "bytes 5-9/*",
            "/x/files/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef/a%20b",
        ].map { Array($0.utf8) }
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if case .part(let part) = ByteRange(text, condition: nil, size: 1000, tag: "") {
            precondition(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= 1000)
        }
        if let range = ContentRange(text) {
            precondition(range.first >= 0 && range.count > 0 && range.total ?? 1 > 0)
        }
        precondition(!DropURL.disposition(text).contains("\n"))
        return (DropURL(path: text)?.hash.count ?? 0) + DropURL.disposition(text).utf8.count
    }

    /// What strangers send to OAuth: documents, registrations, queries, redirect URIs.
    static let oauth = Parser(
        name: "OAuth requests",
        seeds: [
            #"{"client_id":"https://a.example/c","client_name":"é","redirect_uris":["http://[::1]:1/c"]}"#,
            #"{"redirect_uris":["https://a.example/?x","cursor://a/b"],"grant_types":["authorization_code"]}"#,
            "client_id=c&redirect_uri=https%3A%2F%2Fa.example%2Fcb&response_type=code&state=a%26b"
                + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            "https://a.example:443/cb?x=1&", "http://localhost:80/", "https://a.example/client",
        ].map { Array($0.utf8) }
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let redirect = RedirectURI(text) {
            let url = redirect.adding([("code", "c d"), ("iss", "https://x")])
            precondition(redirect.admits(redirect) && url.hasPrefix(text))
            precondition(!url.contains("#") && !url.contains("\n") && !url.contains(" "))
        }
        if let document = try? ClientDocument(bytes) {
            precondition(!document.redirects.isEmpty)
            let client = document.registered(id: "c", at: 0)
            precondition(client.name.count <= OAuthClient.nameLimit && !client.name.isEmpty)
            precondition(document.answer(client)["client_secret"] == nil)
            _ = try? document.described(at: "https://a.example/c")
        }
        _ = DocumentFetch.isURL(text)
        _ = DocumentFetch.lifetime(text)
        guard let request = try? AuthorizationRequest(query: text) else { return 0 }
        let web = WebAddress(mcp: "https://relay.example/mcp")
        guard let web, let wish = try? request.wish(OAuthAddress(web: web)) else { return 0 }
        precondition(PKCE.isChallenge(wish.challenge) && !wish.scopes.isEmpty)
        return request.answer(code: "c", issuer: "i").utf8.count
    }

    static let claims = Parser(name: "claims", seeds: vectors(".reply.json")) { bytes in
        guard case .result(let result) = Reply(decoding: bytes) else { return 0 }
        let record = AgentRecord(
            id: "evil", name: "evil", publicKey: [], tags: [], purpose: "", created: 0)
        try? await Claims(agent: record).check(result)
        let shown = await Claims(agent: record).ownLinks(in: result.parsedBesideLoop())
        return JSON.object(shown).description.utf8.count
    }
}
