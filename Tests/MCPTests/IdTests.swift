// The ids of requests: equal by value, echoed as written, and read where a message is broken.
import Foundation
import JSON
import Loop
import Testing

@testable import MCP

@Suite struct `Ids` {
    /// Two JSON libraries may write one id in two ways; a number is not a string.
    @Test(
        arguments: [
            (#""a\/b""#, #""a/b""#, true), (#""a/b""#, #""a\/b""#, true),
            (#""\u00e9""#, "\"é\"", true), (#""\u00E9\n""#, #""\u00e9\u000A""#, true),
            ("12.0", "12", true), ("12", "12.0", true), ("-1", "-10e-1", true), ("-0", "0", true),
            ("18446744073709551615", "18446744073709551615", true),
            ("18446744073709551615", "18446744073709551614", false),
            ("13", #""13""#, false), (#""13""#, "13", false), (#""a""#, #""A""#, false),
        ])
    @IO func `an id is cancelled by its value`(id: String, cancelled: String, isOne: Bool) async {
        let client = LineClient(Fixture.server(), checksSchema: false)
        _ = await client.initialize("2025-11-25")
        client.line(
            #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"wait"}}"#)
        client.line(
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#
                + cancelled + "}}")
        // The id is free again exactly if its request was cancelled.
        let count = client.messages.count
        client.line(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
        let refused = client.messages[count...].contains { $0["error"]?["code"] == -32600 }
        #expect(refused == !isOne)
    }

    /// The reply to a line, as text.
    @IO private func reply(to line: [UInt8]) async -> String {
        var replies: [String] = []
        let conversation = StdioConversation(
            server: Fixture.server(), principal: Fixture.ada,
            send: { replies.append(String(decoding: $0, as: UTF8.self)) }, notify: { _ in })
        conversation.receive(.text(line))
        await conversation.settle(before: IO.now + .seconds(10))
        return replies.first ?? ""
    }

    private static let params = #""params":{"name":"x","arguments":{"a":"%"}}"#
    private static let deep = String(repeating: "[", count: 2000)

    /// `%` is what makes the message one that cannot be parsed.
    @Test(
        arguments: [
            (#"{"jsonrpc":"2.0","id":7,"method":"x",\#(params)}"#, "7"),
            (#"{"jsonrpc":"2.0","method":"x",\#(params),"id":"q"}"#, #""q""#),
            (#"{"jsonrpc":"2.0","id":8,"method":"x","params":{"a":"%","b":"#, "8"),
            (#"{"method":"x",\#(params)}"#, nil), (#"{"params":{"id":3,"a":"%"}}"#, nil),
        ] as [(String, String?)])
    @IO func `what cannot be parsed is answered under its id if that can be read`(
        shape: String, id: String?
    ) async {
        for fault in [#"\ud83d"#, #"\x"#, "\t", "\u{7F}\u{1}", #"" ""#, "\",\"c\":\(Self.deep)"] {
            let text = shape.replacingOccurrences(of: "%", with: fault)
            // A bracket that is not closed swallows what follows it.
            if fault.contains(Self.deep), shape.hasSuffix(#""q"}"#) { continue }
            await expect(Array(text.utf8), id)
        }
        await expect(Array(shape.utf8).map { $0 == UInt8(ascii: "%") ? 0xFF : $0 }, id)
    }

    @IO private func expect(_ line: [UInt8], _ id: String?) async {
        let reply = await reply(to: line)
        let start = #"{"jsonrpc":"2.0","# + (id.map { "\"id\":\($0)," } ?? "") + "\"error\":"
        #expect(reply.hasPrefix(start), "\(String(decoding: line, as: UTF8.self)): \(reply)")
        #expect(reply.contains("-32700"), "\(reply)")
    }

    @Test(arguments: [
        "18446744073709551615", "-9223372036854775809", "123456789012345678901234567890", "12.0",
        #""a\/b""#, #""\u00e9""#, "0", "-0",
    ])
    @IO func `an id is echoed as it was written`(id: String) async {
        let ping = #"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#
        #expect(
            await reply(to: Array(ping.utf8)).hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"result""#))
    }

    @Test(arguments: ["18446744073709551615", "12.0", #""\u00e9""#])
    @IO func `a progress token is echoed as it was written`(token: String) async {
        var sent: [String] = []
        let conversation = StdioConversation(
            server: Fixture.server { $0.progress.interval = .zero }, principal: Fixture.ada,
            send: { _ in }, notify: { sent.append(String(decoding: $0, as: UTF8.self)) })
        let hello =
            #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"1"}}"#
        let call =
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"steps","_meta":"#
            + #"{"progressToken":\#(token)}}}"#
        for line in [hello, call] { conversation.receive(.text(Array(line.utf8))) }
        await conversation.settle(before: IO.now + .seconds(10))
        #expect(sent.count == 3)
        #expect(sent.allSatisfy { $0.contains(#""progressToken":\#(token),"#) }, "\(sent)")
    }

    @Test(arguments: ["1.5", "1e400", "true", "[1]", "{}", "null", "1.8446744073709551e25"])
    @IO func `what is neither a string nor an integer is no id`(id: String) async {
        let ping = #"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#
        #expect(await reply(to: Array(ping.utf8)).contains(#""error":{"code":-32"#))
    }
}
