// HTTP CONNECT, as a client. Pure.
// Invariant: an answer is read byte by byte, so that not one byte of what follows it is taken.
internal import Crypto
import Loop

/// What a client says to a proxy, and how far the answer has come.
protocol ProxyDialogue {
    /// What is to be sent now; who sends it empties it.
    var unsent: [UInt8] { get set }
    /// Whether the connection is made: what follows comes from its other end.
    var isOpen: Bool { get }
    /// Reads the next byte of the answer.
    mutating func take(_ byte: UInt8) throws(ProxyFailure)
}

/// `CONNECT host:port`.
struct ConnectDialogue: ProxyDialogue {
    var unsent: [UInt8]
    private(set) var isOpen = false
    private let credentials: Proxy.Credentials?
    /// What the login is sent as, which no error may show.
    private var login: SecretBytes?
    private var taken = 0
    private var line: [UInt8] = []
    private var status: (code: Int, line: String)?
    private var schemes: [String] = []

    /// The most bytes of an answer's head: error pages of proxies come after it, and heads of 8 KiB
    /// are the usual limit of servers.
    static let headBytes = 16 << 10
    /// The most characters of a status line that an error shows.
    private static let shownCharacters = 200
    /// The most schemes of a login that are kept.
    private static let schemeCount = 8

    init(host: String, port: UInt16, _ credentials: Proxy.Credentials?) throws(ProxyFailure) {
        guard host.utf8.allSatisfy({ (33..<127).contains($0) }), !host.isEmpty else {
            throw .unusable(what: "the host's name has characters that HTTP does not allow")
        }
        let name = (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
        unsent = Array("CONNECT \(name) HTTP/1.1\r\nHost: \(name)\r\n".utf8)
        self.credentials = credentials
        if let credentials {
            guard !credentials.user.contains(":") else {
                throw .unusable(what: "a user's name cannot hold a colon in HTTP")
            }
            var both = Array(credentials.user.utf8) + [0x3A] + credentials.password.copy
            var login = Array(Base64.encode(both).utf8)
            unsent += Array("Proxy-Authorization: Basic ".utf8) + login + [13, 10]
            self.login = SecretBytes(login)
            both.wipe()
            login.wipe()
        }
        unsent += [13, 10]
    }

    mutating func take(_ byte: UInt8) throws(ProxyFailure) {
        taken += 1
        guard taken <= Self.headBytes else { throw .tooLong(limit: Self.headBytes) }
        guard byte == 10 else {
            line.append(byte)
            if status == nil, line.count <= Self.version.count,
                !Self.version.starts(with: line)
            {
                throw .garbled(expected: "HTTP")
            }
            return
        }
        if line.last == 13 { line.removeLast() }
        defer { line = [] }
        guard let status else {
            self.status = try Self.status(line)
            return
        }
        guard line.isEmpty else { return note(line) }
        switch status.code {
        case 100..<200: self.status = nil
        case 200..<300: isOpen = true
        // tinyproxy asks with 407, but refuses a login with 401.
        case 401, 407: throw loginFailure
        default:
            let words = isClean(status.line) ? status.line : "HTTP status \(status.code)"
            throw .refused(words: words)
        }
    }

    /// Whether a line of the proxy's repeats nothing of the login.
    private func isClean(_ line: String) -> Bool {
        let secrets = [login, credentials?.password].compactMap(\.self).filter { $0.count > 0 }
        return !secrets.contains { line.contains(String(decoding: $0.copy, as: UTF8.self)) }
    }

    private static let version = Array("HTTP/1.".utf8)

    /// Reads `HTTP/1.1 200 Connection established`.
    private static func status(
        _ line: [UInt8]
    ) throws(ProxyFailure) -> (code: Int, line: String) {
        let digits = line.dropFirst(9).prefix(3)
        guard line.starts(with: version), line.count >= 12, line[8] == 0x20,
            digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30,
            line.count == 12 || line[12] == 0x20
        else { throw .garbled(expected: "HTTP") }
        let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let text = String(decoding: line, as: UTF8.self).plain(keepsLines: false)
        return (code, String(text.prefix(shownCharacters)))
    }

    /// Keeps the scheme of `Proxy-Authenticate: SCHEME …`.
    private mutating func note(_ line: [UInt8]) {
        let name = "proxy-authenticate:"
        let text = String(decoding: line.prefix(200), as: UTF8.self)
        guard text.lowercased().hasPrefix(name), schemes.count < Self.schemeCount else { return }
        let word = text.dropFirst(name.count).split(whereSeparator: { " \t,".contains($0) }).first
        // A proxy may answer with what it was sent: only names of schemes are kept.
        guard let word, word.utf8.count <= 40, isClean(String(word)) else { return }
        schemes.append(String(word).plain(keepsLines: false))
    }

    private var loginFailure: ProxyFailure {
        guard schemes.isEmpty || schemes.contains(where: { $0.lowercased() == "basic" }) else {
            return .unknownLogin(schemes: schemes)
        }
        return credentials != nil ? .credentialsRefused : .credentialsNeeded(schemes: schemes)
    }
}
