// The one line an operator pastes at a site: where the relay is, how to know it, a one-time secret.
// Where in the flow: printed by the relay's `invite`, read by the agent's `join`, used nowhere
// else. Invariant: a text is read completely or refused; a truncated paste is reported as
// incomplete.

/// What an agent needs to join a relay, and its text form.
///
/// The text is `hl1.` and, in base64url, these bytes: one byte of flags (1: a pin follows), the pin
/// (32), the secret (16), the tunnel URL, and the CRC-32 of all that (4, big-endian). With several
/// URLs, which a space separates, it is `hl2.`: an agent that knows one address alone says then
/// that the relay is newer.
public struct Invitation: Sendable, Hashable {
    /// Where the agent dials, in this order: `tls://HOST:PORT`, `wss://HOST[:PORT][/PATH]`, or
    /// `unix:/PATH` on the relay's own machine.
    public let urls: [String]
    /// SHA-256 of the relay's public key; nil when a public authority vouches for the relay.
    public let pin: [UInt8]?
    /// The one-time secret, 16 bytes.
    public let secret: [UInt8]

    /// Why a text is not an invitation.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// It does not begin with `hl1.`.
        case notAnInvitation
        /// A newer relay made it.
        case newerVersion
        /// Characters are missing or changed.
        case damaged
        /// The parts do not fit the format.
        case invalidParts(String)

        /// One plain line saying what is wrong and what to do next.
        public var description: String {
            switch self {
            case .notAnInvitation:
                "this is not an invitation: copy the one that homeline-relay invite prints (hl1.…)"
            case .newerVersion: "a newer relay made this invitation: update the agent"
            case .damaged: "the invitation is incomplete or changed: copy the whole line again"
            case .invalidParts(let part):
                "the invitation's \(part) is not usable: ask for a new one"
            }
        }
    }

    /// The most addresses of one relay: two kinds of way, over a few ports and uplinks.
    public static let mostURLs = 8

    private static let pinSize = 32
    private static let secretSize = 16
    /// The bytes of all addresses and the spaces between them; a text that must hold more is
    /// refused before it is decoded.
    private static let addressBytes = 1024

    /// An invitation from its parts.
    public init(urls: [String], pin: [UInt8]?, secret: [UInt8]) throws(Failure) {
        let bytes = urls.reduce(-1) { $0 + $1.utf8.count + 1 }
        guard (1...Self.mostURLs).contains(urls.count), urls.allSatisfy(Self.isDialled),
            bytes <= Self.addressBytes, Set(urls).count == urls.count
        else { throw .invalidParts("address") }
        guard pin?.count ?? Self.pinSize == Self.pinSize else { throw .invalidParts("pin") }
        guard secret.count == Self.secretSize else { throw .invalidParts("secret") }
        self.urls = urls
        self.pin = pin
        self.secret = secret
    }

    private static func isDialled(_ url: String) -> Bool {
        ["tls://", "wss://", "unix:/"].contains {
            url.hasPrefix($0) && url.utf8.count > $0.utf8.count
        }
            && url.utf8.allSatisfy { $0 > 32 && $0 < 127 }
    }

    /// Reads an invitation's text; space around it is ignored.
    public init(_ text: String) throws(Failure) {
        var body = text[...]
        while body.first?.isWhitespace == true { body.removeFirst() }
        while body.last?.isWhitespace == true { body.removeLast() }
        guard body.hasPrefix("hl"), let dot = body.firstIndex(of: "."),
            let version = Int(body[..<dot].dropFirst(2))
        else { throw .notAnInvitation }
        guard version <= 2 else { throw .newerVersion }
        guard version >= 1 else { throw .notAnInvitation }
        guard body.utf8.count <= 2 * Self.addressBytes,
            let bytes = Base64URL.decode(body[dot...].dropFirst()), bytes.count > 4
        else { throw .damaged }
        let content = bytes.dropLast(4)
        let sum = bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
        guard sum == Self.checksum(content), let flags = content.first else { throw .damaged }
        let pinSize = flags == 1 ? Self.pinSize : 0
        let rest = content.dropFirst()
        guard flags <= 1, rest.count > pinSize + Self.secretSize else {
            throw .invalidParts("content")
        }
        let address = String(decoding: rest.dropFirst(pinSize + Self.secretSize), as: UTF8.self)
        let urls = address.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard (urls.count > 1) == (version == 2) else { throw .invalidParts("address") }
        try self.init(
            urls: urls,
            pin: flags == 1 ? Array(rest.prefix(pinSize)) : nil,
            secret: Array(rest.dropFirst(pinSize).prefix(Self.secretSize)))
    }

    /// The text form, one word without spaces.
    public var text: String {
        var bytes =
            [pin == nil ? 0 : 1] + (pin ?? []) + secret + Array(urls.joined(separator: " ").utf8)
        let sum = Self.checksum(bytes[...])
        for shift: UInt32 in [24, 16, 8, 0] {
            bytes.append(UInt8(truncatingIfNeeded: sum >> shift))
        }
        return (urls.count == 1 ? "hl1." : "hl2.") + Base64URL.encode(bytes)
    }

    /// CRC-32 as in IEEE 802.3: it detects accidental damage; the secret stops forgers.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum: UInt32 = ~0
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = sum & 1 == 1
                sum >>= 1
                if isOdd { sum ^= 0xedb8_8320 }
            }
        }
        return ~sum
    }
}
