// What a server sends in the clear, read before libssh2 reads it: lines, its version line, and the
// messages of the first key exchange (RFC 4253 §4.2 and §7, RFC 4419 §3). It picks the cipher
// family of the next attempt, and refuses a group so large that computing with it would keep others
// waiting. Invariant: pure; cuts lines and packets where libssh2 does, and refuses what it cannot
// judge.

/// The first bytes of a server, until it has agreed on keys.
struct FirstExchange {
    /// Why a server is not spoken with any further.
    enum Refusal: Equatable {
        case noVersion
        case malformed
        /// A message of the key exchange at another place than its own, which libssh2 would keep.
        case outOfOrder(message: UInt8)
        /// The bits of the prime of a group.
        case groupTooLarge(bits: Int)
    }

    /// The most bits of a group that a server may choose.
    ///
    /// A step of the key exchange takes about 25 ms with 4,096 bits, 180 ms with 8,192 and 1.4 s
    /// with 16,384, and it keeps the loop busy. libssh2 asks for a group of 4,096.
    static let groupLimit = 4096

    /// What the server offers, once that is known.
    private(set) var offer: ServerOffer?
    /// The host's signature over the connection's id, once it came.
    private(set) var signature: [UInt8]?
    /// What it sent before its version line, which tells what it is instead; empty once that line
    /// came.
    var words: ArraySlice<UInt8> { phase == .lines ? bytes.prefix(1024) : [] }

    private enum Phase: Equatable {
        case lines
        case packets
        /// Nothing that follows needs to be judged.
        case over
    }

    /// The most that libssh2 takes as one packet, in bytes (`LIBSSH2_PACKET_MAXPAYLOAD`).
    private static let packetLimit = 40_000

    /// The key exchanges that are offered to the server, best first.
    private let ours: [String]
    private var phase = Phase.lines
    /// All lines before the version line; after it, the packet that is not complete yet.
    private var bytes: [UInt8] = []
    private var lineStart = 0
    /// The messages of a group exchange that are still to come, in their order; SSH_MSG_NEWKEYS
    /// (21) follows SSH_MSG_KEX_DH_GEX_REPLY (33).
    private var expected: [UInt8] = [kexInit, group, 33, 21]
    /// The messages of all key exchanges, SSH_MSG_KEXINIT, and SSH_MSG_KEX_DH_GEX_GROUP.
    private static let ofKeyExchange: ClosedRange<UInt8> = 20...49
    /// The message that carries the host's signature.
    private var reply: UInt8 = 33
    /// Whether messages at another place than their own are refused: in a group exchange alone.
    private var isJudged = true
    private static let kexInit: UInt8 = 20
    private static let group: UInt8 = 31

    init(offering keyExchanges: [String]) { ours = keyExchanges }

    /// Reads what has arrived; what is wrong with it, before libssh2 acts on it.
    mutating func take(_ new: UnsafeRawBufferPointer) -> Refusal? {
        guard phase != .over else { return nil }
        var rest = new[...]
        while phase == .lines, let byte = rest.popFirst() {
            if let refusal = add(byte) { return refusal }
        }
        guard phase == .packets else { return nil }
        bytes.append(contentsOf: rest)
        let refusal = readPackets()
        if phase == .over { bytes = [] }
        return refusal
    }

    /// Adds a byte of a line.
    ///
    /// libssh2 ignores line ends before a line, and cuts one that is too long, so that is refused.
    private mutating func add(_ byte: UInt8) -> Refusal? {
        let isEnd = byte == 10 || byte == 13
        bytes.append(byte)
        if isEnd, bytes.count == lineStart + 1 {
            lineStart += 1
        } else if byte == 10 {
            if isVersion {
                phase = .packets
                bytes = []
                return nil
            }
            lineStart = bytes.count
        }
        let isTooLong = bytes.count - lineStart >= LinkLimits.line
        if isTooLong || bytes.count >= LinkLimits.beforeVersion && !isVersion { return .noVersion }
        return nil
    }

    private var isVersion: Bool { bytes[lineStart...].starts(with: Array("SSH-".utf8)) }

    private mutating func readPackets() -> Refusal? {
        var reader = WireReader(bytes)
        defer { if reader.rest.count < bytes.count { bytes = Array(reader.rest) } }
        while phase == .packets {
            var packet = reader
            guard let length = packet.uint32() else { return nil }
            guard (2...Self.packetLimit).contains(Int(length)) else { return spoiled }
            guard var body = packet.bytes(Int(length)) else { return nil }
            reader = packet
            guard let padding = body.popFirst(), Int(padding) < body.count else { return spoiled }
            if let refusal = read(WireReader(body.dropLast(Int(padding)))) { return refusal }
        }
        return nil
    }

    /// What is not a message ends the reading; where messages are judged, it is refused.
    private var spoiled: FirstExchange.Refusal? {
        mutating get {
            if !isJudged { phase = .over }
            return isJudged ? .malformed : nil
        }
    }

    /// Judges one message.
    private mutating func read(_ message: WireReader) -> Refusal? {
        var message = message
        guard let type = message.byte() else { return .malformed }
        guard Self.ofKeyExchange.contains(type) else { return nil }
        guard type == expected.first else {
            if !isJudged { phase = .over }
            return isJudged ? .outOfOrder(message: type) : nil
        }
        expected.removeFirst()
        if type == Self.kexInit {
            guard let offer = ServerOffer(message) else { return .malformed }
            self.offer = offer
            let agreed = ours.first(where: offer.keyExchanges.contains)
            let isGroupExchange = agreed?.hasPrefix(Algorithms.groupExchange) == true
            // SSH_MSG_KEXDH_REPLY or SSH_MSG_KEX_ECDH_REPLY, then SSH_MSG_NEWKEYS.
            if !isGroupExchange { (expected, reply, isJudged) = ([31, 21], 31, false) }
        } else if type == reply {
            // The host's key, its number or point, its signature (RFC 4253 §8, RFC 5656 §4).
            _ = message.string()
            _ = message.string()
            signature = message.string().map { Array($0) }
        } else if type == Self.group {
            guard let prime = message.string() else { return .malformed }
            let bits = Self.bits(of: prime)
            if bits > Self.groupLimit { return .groupTooLarge(bits: bits) }
        }
        if expected.isEmpty { phase = .over }
        return nil
    }

    /// The bits of a number; libssh2 takes its first bit as any other, not as a sign.
    private static func bits(of number: ArraySlice<UInt8>) -> Int {
        let digits = number.drop { $0 == 0 }
        return digits.first.map { digits.count * 8 - $0.leadingZeroBitCount } ?? 0
    }
}

extension FirstExchange.Refusal: CustomStringConvertible {
    /// What the server did.
    var description: String {
        switch self {
        case .noVersion: "it does not speak SSH"
        case .malformed: "it sent a message that is not SSH's"
        case .outOfOrder(let message):
            "it sent message \(message) of the key exchange at another place than its own"
        case .groupTooLarge(let bits):
            "it wants to exchange keys with a group of \(bits) bits, more than"
                + " \(FirstExchange.groupLimit)"
        }
    }
}
