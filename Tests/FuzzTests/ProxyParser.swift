// Answers of proxies, and the texts that name them.
import Configuration
import Crypto
import Loop

@testable import Net
@testable import homeline_agent

extension Parser {
    static let connectAnswers = proxyAnswers(.http)
    static let socksAnswers = proxyAnswers(.socks5h)

    /// Answers to CONNECT or to the questions of SOCKS.
    private static func proxyAnswers(_ kind: Proxy.Kind) -> Parser {
        let http = [
            "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\nSSH-2.0-x",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\n\n",
        ]
        let socks: [[UInt8]] = [
            [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80, 1, 2, 3],
            [5, 2, 1, 0, 5, 0, 0, 3, 4, 97, 98, 99, 100, 1, 2],
            [5, 2, 1, 0, 5, 0, 0, 4] + [UInt8](repeating: 7, count: 18),
        ]
        return Parser(
            name: "answers of \(kind.rawValue) proxies",
            seeds: kind == .http ? http.map { Array($0.utf8) } : socks
        ) { bytes in
            let proxy = Proxy(
                kind, host: "p", port: 1,
                credentials: .init(user: "u", password: SecretBytes("p-17".utf8)))
            var dialogue = try proxy.dialogue(host: "h", port: 1)
            var said = 0
            for byte in bytes where !dialogue.isOpen {
                do throws(ProxyFailure) { try dialogue.take(byte) } catch {
                    precondition(error.description.utf8.count < 1000)
                    throw error
                }
                said += dialogue.unsent.count
                dialogue.unsent = []
            }
            return said
        }
    }

    static let proxyURL = Parser(
        name: "URLs of proxies",
        seeds: [
            "http://u:p%40-17@proxy.corp:3128/", "socks5h://[::1]", "proxy:80", "socks5://u@h:1",
        ].map { Array($0.utf8) }
    ) { bytes in
        let proxy = try Proxy(url: String(decoding: bytes, as: UTF8.self))
        let again = try Proxy(url: proxy.address)
        precondition(again.address == proxy.address && again.credentials == nil)
        return proxy.address.utf8.count
    }

    static let noProxy = Parser(
        name: "NO_PROXY",
        seeds: ["*", "a.example,.b.example:443 10.0.0.0/8,[::1]:443,fe80::/10,::1"].map {
            Array($0.utf8)
        }
    ) { bytes in
        let list = NoProxy(String(decoding: bytes.prefix(8192), as: UTF8.self))
        let hosts = ["relay.b.example", "10.1.2.3", "fe80::1"]
        return hosts.count { list.covers(Address(host: $0, port: 443)) }
    }
}
