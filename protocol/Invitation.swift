// The one line an operator pastes at a site: where the relay is, how to know it, a one-time secret.
// Where in the flow: printed by the relay's `invite`, read by the agent's `join`, used nowhere
// else. Invariant: a text is read completely or refused; a truncated paste is reported as
// incomplete.

/// What an agent needs to join a relay, and its text form.
///
/// The text is `hl1.` and, in base64url, these bytes: one byte of flags (1: a pin follows), the pin
/// (32), the secret (16), the tunnel URL, and the CRC-32 of all that (4, big-endian).
public struct Invitation: Sendable, Hashable {
    /// Where the agent dials: `tls://HOST:PORT` or `wss://HOST[:PORT][/PATH]`.
    public let url: String
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

    private static let prefix = "hl1."
    private static let pinSize = 32
    private static let secretSize = 16
    /// The longest address in bytes; a text that must hold a longer one is refused before it is
    /// decoded.
    private static let longestURL = 1024

    /// An invitation from its parts.
    public init(url: String, pin: [UInt8]?, secret: [UInt8]) throws(Failure) {
        let isDialled = url.hasPrefix("tls://") || url.hasPrefix("wss://")
        guard isDialled, (7...Self.longestURL).contains(url.utf8.count),
            url.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { throw .invalidParts("address") }
        guard pin?.count ?? Self.pinSize == Self.pinSize else { throw .invalidParts("pin") }
        guard secret.count == Self.secretSize else { throw .invalidParts("secret") }
        self.url = url
        self.pin = pin
        self.secret = secret
    }

    /// Reads an invitation's text; space around it is ignored.
    public init(_ text: String) throws(Failure) {
        var body = text[...]
        while body.first?.isWhitespace == true { body.removeFirst() }
        while body.last?.isWhitespace == true { body.removeLast() }
        guard body.hasPrefix("hl"), let dot = body.firstIndex(of: "."),
            let version = Int(body[..<dot].dropFirst(2))
        else { throw .notAnInvitation }
        guard version == 1 else { throw version > 1 ? .newerVersion : .notAnInvitation }
        guard body.utf8.count <= 2 * Self.longestURL,
            let bytes = Base64URL.decode(body.dropFirst(Self.prefix.count)), bytes.count > 4
        else { throw .damaged }
        let content = bytes.dropLast(4)
        let sum = bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
        guard sum == Self.checksum(content), let flags = content.first else { throw .damaged }
        let pinSize = flags == 1 ? Self.pinSize : 0
        let rest = content.dropFirst()
        guard flags <= 1, rest.count > pinSize + Self.secretSize else {
            throw .invalidParts("content")
        }
        try self.init(
            url: String(decoding: rest.dropFirst(pinSize + Self.secretSize), as: UTF8.self),
            pin: flags == 1 ? Array(rest.prefix(pinSize)) : nil,
            secret: Array(rest.dropFirst(pinSize).prefix(Self.secretSize)))
    }

    /// The text form, one word without spaces.
    public var text: String {
        var bytes = [pin == nil ? 0 : 1] + (pin ?? []) + secret + Array(url.utf8)
        let sum = Self.checksum(bytes[...])
        for shift: UInt32 in [24, 16, 8, 0] {
            bytes.append(UInt8(truncatingIfNeeded: sum >> shift))
        }
        return Self.prefix + Base64URL.encode(bytes)
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
