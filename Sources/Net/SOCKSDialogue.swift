// SOCKS 5 (RFC 1928) with user and password (RFC 1929), as a client. Pure.
// Invariant: as in ConnectDialogue, no byte that follows the answer is taken.
internal import Crypto
import Loop

/// The three questions of SOCKS 5: how to log in, the login, and the connection.
struct SOCKSDialogue: ProxyDialogue {
    var unsent: [UInt8]
    private(set) var isOpen = false
    private let request: [UInt8]
    private let credentials: Proxy.Credentials?
    private var stage = Stage.method
    private var answer: [UInt8] = []
    /// The length of the answer, as far as is known.
    private var wanted = 2

    private enum Stage { case method, login, connection }

    /// The most bytes of a name, a user or a password: their length is one byte.
    private static let fieldBytes = 255

    init(host: String, port: UInt16, _ credentials: Proxy.Credentials?) throws(ProxyFailure) {
        self.credentials = credentials
        if let credentials {
            guard (1...Self.fieldBytes).contains(credentials.user.utf8.count),
                (1...Self.fieldBytes).contains(credentials.password.count)
            else { throw .unusable(what: "SOCKS takes 1 to 255 bytes as user and as password") }
        }
        let place: [UInt8]
        if let address = SocketAddress(ip: host, port: port) {
            place = [address.isIPv6 ? 4 : 1] + address.octets
        } else {
            guard (1...Self.fieldBytes).contains(host.utf8.count) else {
                throw .unusable(what: "SOCKS takes names of 1 to 255 bytes")
            }
            place = [3, UInt8(host.utf8.count)] + Array(host.utf8)
        }
        request = [5, 1, 0] + place + [UInt8(port >> 8), UInt8(port & 255)]
        // Without a login (0), and by user and password (2) if there are any.
        unsent = credentials == nil ? [5, 1, 0] : [5, 2, 0, 2]
    }

    mutating func take(_ byte: UInt8) throws(ProxyFailure) {
        answer.append(byte)
        // Some servers give the login's answer the version of SOCKS; curl ignores it, too.
        if answer.count == 1, stage != .login, byte != 5 { throw .garbled(expected: "SOCKS 5") }
        if answer.count >= 2, stage == .connection { try measure() }
        guard answer.count == wanted else { return }
        defer { answer = [] }
        switch stage {
        case .method:
            if answer[1] == 0 { return ask() }
            guard answer[1] == 2, let credentials else {
                throw credentials == nil
                    ? .credentialsNeeded(schemes: []) : .unknownLogin(schemes: ["another method"])
            }
            stage = .login
            unsent = [1, UInt8(credentials.user.utf8.count)] + Array(credentials.user.utf8)
            unsent += [UInt8(credentials.password.count)] + credentials.password.copy
        case .login:
            guard answer[1] == 0 else { throw .credentialsRefused }
            ask()
        case .connection: isOpen = true
        }
    }

    private mutating func ask() {
        stage = .connection
        unsent = request
        wanted = 4
    }

    /// Finds out how long the answer to the request is: a head of 4 bytes, an address, a port.
    private mutating func measure() throws(ProxyFailure) {
        guard answer[1] == 0 else { throw .refused(words: Self.words(answer[1])) }
        switch (answer.count, answer.count > 3 ? answer[3] : 0) {
        case (4, 1): wanted = 4 + 4 + 2
        case (4, 4): wanted = 4 + 16 + 2
        case (4, 3): wanted = 5
        case (5, 3): wanted = 5 + Int(answer[4]) + 2
        case (4, _): throw .garbled(expected: "SOCKS 5")
        default: break
        }
    }

    /// The codes of RFC 1928 §6, from 1 on.
    private static let reasons = [
        "general failure", "its rules do not allow the connection", "the network is unreachable",
        "the host is unreachable", "the host refused the connection",
        "the connection took too long", "it does not make connections",
        "it does not know this type of address",
    ]

    private static func words(_ code: UInt8) -> String {
        let index = Int(code) - 1
        let reason = reasons.indices.contains(index) ? reasons[index] : "an unknown reason"
        return "\(reason) (SOCKS code \(code))"
    }
}
