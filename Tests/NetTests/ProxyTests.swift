// Proxies: what is said to them and what they say, hostile ones included. Real ones are met by the
// agent's tests (WayOutTests).
import Crypto
import Glibc
import Loop
import Support
import Testing

@testable import Net

@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
    /// What a proxy of the test's own does: what it sends, in pieces, after it was first spoken to,
    /// and what it does then.
    private struct Manner: Sendable, CustomStringConvertible {
        let description: String
        let kind: Proxy.Kind
        let pieces: [[UInt8]]
        let ends: Bool
        let failure: ProxyFailure
        var credentials: Proxy.Credentials?

        init(
            _ description: String, _ kind: Proxy.Kind, _ pieces: [[UInt8]], ends: Bool = false,
            _ failure: ProxyFailure, credentials: Proxy.Credentials? = nil
        ) {
            (self.description, self.kind, self.pieces) = (description, kind, pieces)
            (self.ends, self.failure, self.credentials) = (ends, failure, credentials)
        }
    }

    private static let password = "geheim-Zq7"
    private static let login = Proxy.Credentials(
        user: "u", password: SecretBytes(password.utf8))
    private static let encoded = Base64.encode(Array("u:\(password)".utf8))

    private static func text(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

    private static let manners = [
        Manner("never answers", .http, [], .silent),
        Manner("never answers", .socks5h, [], .silent),
        Manner("closes", .http, [], ends: true, .ended),
        Manner("closes", .socks5, [], ends: true, .ended),
        Manner(
            "half an answer", .http, text("HTTP/1.1 200 OK\r\nVia: x\r\n"), ends: true, .ended),
        Manner("half an answer, then silence", .http, text("HTTP/1.1 200 OK\r\n"), .silent),
        Manner("half an answer", .socks5h, [[5, 0], [5, 0, 0, 1, 127]], ends: true, .ended),
        Manner("garbage", .http, text("SSH-2.0-x\r\n"), .garbled(expected: "HTTP")),
        Manner("garbage", .http, text("HTTP/1.1 2000 x\r\n"), .garbled(expected: "HTTP")),
        Manner("garbage", .http, [[5, 255]], .garbled(expected: "HTTP")),
        Manner("garbage", .socks5h, text("HTTP/1.1 400 x"), .garbled(expected: "SOCKS 5")),
        Manner("garbage", .socks5h, [[5, 0], [5, 0, 0, 9]], .garbled(expected: "SOCKS 5")),
        Manner(
            "an endless head", .http,
            text("HTTP/1.1 200 OK\r\n") + Array(repeating: text("X: yyyyyyyy\r\n")[0], count: 3000),
            .tooLong(limit: 16384)),
        Manner(
            "an endless line", .http, [text("HTTP/1.1 200 ")[0], pattern(40_000)],
            .tooLong(limit: 16384)),
        Manner(
            "407", .http,
            text("HTTP/1.1 407 no\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n"),
            .credentialsNeeded(schemes: ["Basic"])),
        Manner(
            "407 to a login", .http, text("HTTP/1.1 407 no\r\nproxy-authenticate: basic\r\n\r\n"),
            .credentialsRefused, credentials: login),
        Manner(
            "401 to a login", .http, text("HTTP/1.0 401 Unauthorized\r\n\r\n"),
            .credentialsRefused, credentials: login),
        Manner(
            "407 for NTLM", .http,
            text(
                "HTTP/1.1 407 no\r\nProxy-Authenticate: NTLM\r\n"
                    + "Proxy-Authenticate: Negotiate\r\n\r\n"),
            .unknownLogin(schemes: ["NTLM", "Negotiate"]), credentials: login),
        Manner(
            "403, with a control sequence", .http, text("HTTP/1.1 403 \u{1b}[2Jno\r\n\r\n<html>"),
            .refused(words: "HTTP/1.1 403 ?[2Jno")),
        Manner(
            "the password", .http, text("HTTP/1.1 502 \(password)\r\n\r\n"),
            .refused(words: "HTTP status 502"), credentials: login),
        Manner(
            "the login", .http, text("HTTP/1.1 502 \(encoded)\r\n\r\n"),
            .refused(words: "HTTP status 502"), credentials: login),
        Manner(
            "asks for a login", .socks5h, [[5, 255]], .credentialsNeeded(schemes: [])),
        Manner(
            "a login that is not offered", .socks5h, [[5, 1]],
            .unknownLogin(schemes: ["another method"]), credentials: login),
        Manner(
            "refuses the login", .socks5h, [[5, 2], [1, 1]], .credentialsRefused,
            credentials: login),
        Manner(
            "refuses", .socks5h, [[5, 0], [5, 2]],
            .refused(words: "its rules do not allow the connection (SOCKS code 2)")),
        Manner(
            "refuses", .socks5, [[5, 0], [5, 99]],
            .refused(words: "an unknown reason (SOCKS code 99)")),
    ]

    @Test(arguments: manners)
    @IO private func `a proxy that gives no connection is named, with its reason`(manner: Manner)
        async throws
    {
        var kept: [SocketStream] = []
        let listener = try Listener.tcp(loopback) { stream in
            kept.append(stream)
            stream.onData = { [weak stream] _ in
                guard let stream else { return }
                stream.onData = { _ in }
                // The client may be gone, and this stream with it, before all is sent.
                IO.task { [stream] in
                    for piece in manner.pieces {
                        stream.write(piece)
                        stream.flush()
                        // So that the other end sees it in several reads.
                        await Task.yield()
                    }
                    if manner.ends { stream.finish() }
                }
            }
        }
        defer { listener.close() }
        var dialling = Dialling()
        dialling.proxy = Proxy(
            manner.kind, host: "127.0.0.1", port: try #require(listener.address?.port),
            credentials: manner.credentials)
        let address = try #require(dialling.proxy?.address)
        do throws(NetError) {
            close(
                try await Dialler.descriptor(
                    host: "127.0.0.1", port: 443,
                    deadline: manner.failure == .silent ? .seconds(2) : .seconds(20),
                    dialling))
            Issue.record("connected")
        } catch {
            #expect(error == .proxy(address, manner.failure))
            #expect(error.description.contains(address))
            #expect(!error.description.contains(Self.password))
            #expect(!"\(error)\(dialling)".contains(Self.encoded))
            #expect(!String(reflecting: dialling).contains(Self.password))
        }
    }

    @Test @IO func `a proxy that refuses an address is asked for the next one`() async throws {
        let addresses = try ["::2", "10.0.0.1", "10.0.0.2"].map {
            try #require(SocketAddress(ip: $0, port: 1))
        }
        let (refused, silent) = (ProxyFailure.refused(words: "no"), ProxyFailure.silent)
        for (failures, tried) in [
            ([nil], 1), ([refused, nil], 2), ([refused, refused, refused], 3), ([silent], 1),
            ([refused, .credentialsRefused], 2),
        ] as [([ProxyFailure?], Int)] {
            var asked: [SocketAddress] = []
            do throws(NetError) {
                let socket = try await Dialler.first(
                    of: addresses, absence: .nameNotFound(host: "h")
                ) { address throws(NetError) in
                    asked.append(address)
                    if let failure = failures[asked.count - 1] { throw .proxy("p", failure) }
                    return 7
                }
                #expect(socket == 7 && failures.last == .some(nil))
            } catch {
                #expect(error == failures.last?.map { .proxy("p", $0) })
            }
            #expect(asked == Array(addresses.prefix(tried)))
        }
    }

    @Test @IO func `a proxy that is not there is named, too`() async throws {
        let port = try Ports.free()
        var dialling = Dialling()
        dialling.proxy = Proxy(.http, host: "127.0.0.1", port: port)
        do throws(NetError) {
            close(
                try await Dialler.descriptor(
                    host: "relay.invalid", port: 443, deadline: .seconds(5), dialling))
            Issue.record("connected")
        } catch {
            let text = error.description
            #expect(text.hasPrefix("the proxy http://127.0.0.1:\(port): it cannot be reached: "))
        }
    }

    /// What is sent to a proxy and what it answers, by turns.
    private static let talks: [(Proxy.Kind, String, Proxy.Credentials?, [([UInt8], [UInt8])])] = [
        (
            .http, "relay.example", nil,
            [
                (
                    text("CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n\r\n")[
                        0],
                    text("HTTP/1.0 100 x\n\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")[0]
                )
            ]
        ),
        (
            .http, "2001:db8::1", login,
            [
                (
                    text(
                        "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
                            + "Proxy-Authorization: Basic \(encoded)\r\n\r\n")[0],
                    text("HTTP/1.1 200\r\n\r\n")[0]
                )
            ]
        ),
        (
            .socks5h, "ab", nil,
            [
                ([5, 1, 0], [5, 0]),
                ([5, 1, 0, 3, 2, 97, 98, 1, 187], [5, 0, 0, 3, 1, 97, 1, 2]),
            ]
        ),
        (
            .socks5, "10.0.0.1", login,
            [
                ([5, 2, 0, 2], [5, 2]),
                ([1, 1, 117, 10] + Array(password.utf8), [5, 0]),
                (
                    [5, 1, 0, 1, 10, 0, 0, 1, 1, 187],
                    [5, 0, 0, 4] + [UInt8](repeating: 0, count: 18)
                ),
            ]
        ),
        (
            .socks5h, "::1", login,
            [
                ([5, 2, 0, 2], [5, 0]),
                (
                    [5, 1, 0, 4] + [UInt8](repeating: 0, count: 15) + [1, 1, 187],
                    [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
                ),
            ]
        ),
    ]

    @Test func `both protocols are spoken to the byte, and nothing that follows is taken`() throws {
        for (kind, host, credentials, turns) in Self.talks {
            let proxy = Proxy(kind, host: "p", port: 1, credentials: credentials)
            var dialogue = try proxy.dialogue(host: host, port: 443)
            for (question, answer) in turns {
                #expect(dialogue.unsent == question)
                dialogue.unsent = []
                for byte in answer {
                    #expect(!dialogue.isOpen && dialogue.unsent.isEmpty)
                    try dialogue.take(byte)
                }
            }
            #expect(dialogue.isOpen, "\(proxy.address)")
        }
    }

    @Test func `what the protocols cannot carry is refused before anything is sent`() {
        let long = String(repeating: "x", count: 256)
        func login(_ user: String, _ password: String) -> Proxy.Credentials {
            Proxy.Credentials(user: user, password: SecretBytes(password.utf8))
        }
        for (kind, host, credentials) in [
            (.http, "a b", nil), (.http, "a\r\nX: y", nil), (.http, "", nil),
            (.http, "a", login("u:v", "p")), (.socks5h, long, nil), (.socks5h, "a", login("u", "")),
            (.socks5h, "a", login(long, "p")), (.socks5h, "a", login("u", long)),
        ] as [(Proxy.Kind, String, Proxy.Credentials?)] {
            let proxy = Proxy(kind, host: "p", port: 1, credentials: credentials)
            #expect(throws: ProxyFailure.self) { try proxy.dialogue(host: host, port: 1) }
        }
    }
}
