// How `homeline-relay forward` reads where to listen and where to connect.
import Configuration
import Testing

@testable import homeline_relay

@Suite struct ForwardCommandTests {
    @Test func `a way is read as ssh reads it`() {
        let table: [(String, String?, String?)] = [
            ("5432:localhost:5432", "127.0.0.1:5432", "localhost:5432"),
            ("0:db:1", "127.0.0.1:0", "db:1"), ("1080", "127.0.0.1:1080", nil),
            ("[::1]:1080", "[::1]:1080", nil),
            ("[::1]:80:[fe80::2]:8080", "[::1]:80", "[fe80::2]:8080"),
            ("0.0.0.0:80:web:8080", "0.0.0.0:80", "web:8080"),
            ("80:[::1]:81", "127.0.0.1:80", "[::1]:81"), ("", nil, nil), ("x", nil, nil),
            ("1:2:3:4:5", nil, nil), ("80:web:", nil, nil), ("80:web:70000", nil, nil),
            ("[::1:80", nil, nil),
        ]
        for (text, listen, destination) in table {
            let way = ForwardCommand.Way(text)
            #expect(way?.listen.description == listen, "\(text)")
            #expect(way?.destination?.description == destination, "\(text)")
        }
    }
}
