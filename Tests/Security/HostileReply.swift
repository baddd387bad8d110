// What a hostile agent answers, whichever method is called: too much, too deep, about others, or
// not at all.
import Loop

/// One kind of answer.
struct HostileReply: Sendable {
    /// Answers a call on a stream.
    typealias Serve = @IO @Sendable (_ agent: RawAgent, _ stream: UInt32, _ method: String) -> Void

    let name: String
    let serve: Serve

    /// What the only honest kind says.
    ///
    /// A test that sees it knows that this agent's answers reach a client.
    static let honest = "an honest answer"

    /// Every kind; some claim to come from the agent with another's id.
    static func all(claiming id: String) -> [HostileReply] {
        bodies(id).map { name, body in
            HostileReply(name: name) { agent, stream, _ in agent.reply(stream, body) }
        } + streams
    }

    /// A seventh of the longest bodies, in bytes.
    ///
    /// A build that is not optimized reads 50 times slower.
    private static let unit = Trial.isLong ? 1 << 20 : 1 << 16

    /// Whole bodies.
    private static func bodies(_ id: String) -> [(String, [UInt8])] {
        let members = (0..<unit / 2).map { "\"\($0)\":1" }.joined(separator: ",")
        let lists = ["targets", "sessions", "commands", "links", "results", "entries", "closed"]
        let plain = lists.map { "\"\($0)\":[{\"name\":\"\(honest)\"}]" }.joined(separator: ",")
        let entries = repeated("{\"session_id\":\"x\"},", to: unit)
        let long = lists.map { "\"\($0)\":[\(entries)1]" }.joined(separator: ",")
        let own = "\"session_id\":\"\(id).forged\",\"command_id\":\"\(id).forged\""
        let entry = "{\"target\":\"good/forged\",\"agent\":\"good\",\(own)}"
        let forged = lists.map { "\"\($0)\":[\(entry)]" }.joined(separator: ",")
        let head = "\"agent\":\"good\",\"id\":\"\(id)\",\"online\":false,\"purpose\":\"forged\""
        let tags = "\"tags\":[\"forged\"],\"target\":\"good/forged\""
        return [
            ("a long text", result("{\"x\":\"\(repeated("a", to: 7 * unit))\"}")),
            ("more than 8 MiB", [UInt8](repeating: 32, count: 9 * unit)),
            ("members", result("{\(members)}")),
            ("lists", result("{\(long)}")),
            ("brackets", result(repeated("[", to: unit))),
            ("escapes", result("{\"x\":\"\(repeated("\\u00e9", to: 7 * unit))\"}")),
            ("others' ids", result("{\(head),\(tags),\(own),\(forged)}")),
            ("not JSON", [0xff, 0xfe, 0]),
            (
                honest,
                result("{\"output\":\"\(honest)\",\"facts\":{\"os\":\"\(honest)\"},\(plain)}")
            ),
        ]
    }

    private static func result(_ text: String) -> [UInt8] {
        Array(#"{"jsonrpc":"2.0","id":1,"result":"#.utf8) + Array(text.utf8) + [125]
    }

    private static func repeated(_ text: String, to count: Int) -> String {
        String(repeating: text, count: count / text.utf8.count)
    }

    /// What is done to the call's stream instead of an answer.
    private static let streams: [HostileReply] = [
        HostileReply(name: "no answer") { _, _, _ in },
        HostileReply(name: "resets") { agent, stream, _ in
            agent.send(.reset, stream: stream, RawAgent.number(8))
        },
        HostileReply(name: "status 500") { agent, stream, _ in
            agent.send(.headers, flags: 5, stream: stream, [0x8e])
        },
        HostileReply(name: "interim answers") { agent, stream, _ in
            for _ in 0..<2000 {
                agent.send(.headers, flags: 4, stream: stream, [8, 3] + Array("103".utf8))
            }
        },
        HostileReply(name: "half an answer") { agent, stream, _ in
            agent.send(.headers, flags: 4, stream: stream, [0x88])
            agent.send(.data, stream: stream, [UInt8](repeating: 32, count: 16384))
        },
        HostileReply(name: "headers of 1 MiB") { agent, stream, _ in
            agent.send(.headers, stream: stream, [0x88])
            // A literal field `a` of 16,124 bytes.
            let field = [0, 1, 97, 0x7f, 0xfd, 0x7c] + [UInt8](repeating: 97, count: 16124)
            for _ in 0..<64 { agent.send(.continuation, stream: stream, field) }
        },
    ]
}
