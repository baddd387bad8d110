// What the log says of clients that use TLS wrongly: a few lines, and how many more there were.
import Loop
import Net
import Testing

@testable import homeline_relay

@Suite struct DoorLogTests {
    @Test @IO func `each kind has a few lines, and a total`() {
        var lines: [String] = []
        let log = DoorLog { lines.append($0) }
        for number in 0..<10 {
            log.note(.notTLS(isHTTP: true), from: "192.0.2.1:\(number)")
            log.noteTLS(from: "192.0.2.2:\(number)")
            log.note(.tls(reason: "alert unknown ca"), from: "192.0.2.3:\(number)")
            // Port scans and health checks.
            log.note(.silent(peer: "192.0.2.4"), from: "192.0.2.4:\(number)")
            log.note(.closed(reason: "it left"), from: "192.0.2.4:\(number)")
        }
        #expect(lines.count == 9)
        #expect(
            lines[0] == "192.0.2.1:0 sent plain HTTP to the MCP port, which has TLS: its URL must "
                + "begin with https://")
        #expect(
            lines[1] == "192.0.2.2:0 sent TLS to the MCP port, which has none: its URL must begin "
                + "with http://, or start the relay with --tls-certificate")
        #expect(
            lines[2] == "an MCP client at 192.0.2.3:0: TLS failed: alert unknown ca")
        lines = []
        log.close()
        #expect(
            lines.sorted() == [
                "the MCP port: 7 more connections in the last minute: TLS failed",
                "the MCP port: 7 more connections in the last minute: TLS, though it has none",
                "the MCP port: 7 more connections in the last minute: plain HTTP, though it has TLS",
            ])
    }
}
