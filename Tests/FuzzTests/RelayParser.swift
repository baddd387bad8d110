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

    static let claims = Parser(name: "claims", seeds: vectors(".reply.json")) { bytes in
        guard case .result(let result) = Reply(decoding: bytes) else { return 0 }
        let record = AgentRecord(
            id: "evil", name: "evil", publicKey: [], tags: [], purpose: "", created: 0)
        try? await Claims(agent: record).check(result)
        let shown = await Claims(agent: record).ownLinks(in: result.parsedBesideLoop())
        return JSON.object(shown).description.utf8.count
    }
}
