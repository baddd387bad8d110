// What a server may send in the clear: a group that is too large never reaches libssh2, in whatever
// pieces and order it comes, and nobody else is refused.
import Testing

@testable import SSH

@Suite struct FirstExchangeTests {
    private static let group = "diffie-hellman-group-exchange-sha256"
    private static let version = Array("a notice\r\nSSH-2.0-x\r\n".utf8)

    private func packet(_ payload: [UInt8], padding: Int = 5) -> [UInt8] {
        var writer = WireWriter()
        writer.uint32(UInt32(payload.count + padding + 1))
        writer.byte(UInt8(padding))
        return writer.bytes + payload + [UInt8](repeating: 31, count: padding)
    }

    private func offer(_ exchanges: String) -> [UInt8] {
        var writer = WireWriter()
        for list in [exchanges, "ssh-ed25519", "a", "a", "b", "b", "none", "none", "", ""] {
            writer.string(Array(list.utf8))
        }
        return packet([20] + [UInt8](repeating: 7, count: 16) + writer.bytes + [0, 0, 0, 0, 0])
    }

    /// The message with a group whose prime has `bits` bits, after `zeros` zero bytes.
    private func group(bits: Int, zeros: Int = 1) -> [UInt8] {
        let first: UInt8 = bits % 8 == 0 ? 0xff : (1 << (bits % 8)) - 1
        let rest = [UInt8](repeating: 0xff, count: (bits - 1) / 8)
        return packet(message(31, [UInt8](repeating: 0, count: zeros) + [first] + rest))
    }

    private func message(_ type: UInt8, _ text: [UInt8]) -> [UInt8] {
        var writer = WireWriter()
        writer.byte(type)
        writer.string(text)
        writer.string([2])
        return writer.bytes
    }

    /// What is refused, in pieces of a size.
    private func refusal(
        _ bytes: [UInt8], pieces size: Int = .max,
        ours: [String] = Algorithms.Kind.keyExchange.usual
    ) -> FirstExchange.Refusal? {
        var first = FirstExchange(offering: ours)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(piece.count)
            if let refusal = piece.withUnsafeBytes({ first.take($0) }) { return refusal }
        }
        return nil
    }

    @Test(arguments: [1, 2, 7, 64, 1000, .max])
    func `a group of 4096 bits passes, a larger one does not`(size: Int) {
        let start = Self.version + offer("unknown," + Self.group)
        for (bits, zeros) in [(2048, 1), (4096, 0), (4096, 1), (4095, 300), (1, 0), (0, 4)] {
            let good = start + group(bits: max(bits, 1), zeros: zeros)
            #expect(refusal(good, pieces: size) == nil, "\(bits) \(zeros)")
        }
        for (bits, zeros) in [(4097, 1), (4104, 0), (8192, 1), (16384, 500)] {
            let bad = start + group(bits: bits, zeros: zeros)
            #expect(refusal(bad, pieces: size) == .groupTooLarge(bits: bits), "\(bits) \(zeros)")
        }
    }

    @Test func `message 31 of another method may be as long as it likes`() {
        let long = packet(message(31, [UInt8](repeating: 0xff, count: 5000)))
        for agreed in ["curve25519-sha256," + Self.group, Self.group + ",ecdh-sha2-nistp256"] {
            #expect(refusal(Self.version + offer(agreed) + long) == nil)
        }
        // What this agent does not offer is not agreed on.
        #expect(
            refusal(Self.version + offer("x25519-new," + Self.group) + long)
                == .groupTooLarge(bits: 40000))
    }

    @Test func `a group cannot come before or after its place`() {
        let (start, large) = (Self.version, group(bits: 16384))
        let kexinit = offer(Self.group)
        let small = group(bits: 2048)
        let (reply, keys) = (packet(message(33, [1])), packet([21]))
        #expect(refusal(start + large + kexinit) == .outOfOrder(message: 31))
        #expect(refusal(start + keys + kexinit) == .outOfOrder(message: 21))
        for (early, type) in [(reply, UInt8(33)), (keys, 21), (kexinit, 20)] {
            #expect(refusal(start + kexinit + early) == .outOfOrder(message: type))
        }
        #expect(refusal(start + kexinit + small + large) == .outOfOrder(message: 31))
        #expect(refusal(start + kexinit + small + keys) == .outOfOrder(message: 21))
        // Messages that are ignored may come in between; what follows the new keys is encrypted.
        let ignored = packet(message(2, [31, 31]))
        let all = [ignored, kexinit, ignored, small, ignored, reply, ignored, keys, large]
        #expect(refusal(start + all.flatMap(\.self)) == nil)
    }

    @Test func `lines and packets are cut where libssh2 cuts them`() {
        let bad = offer(Self.group) + group(bits: 16384)
        let large = FirstExchange.Refusal.groupTooLarge(bits: 16384)
        for start in ["\r\rSSH-2.0-x\n", "\n\nSSH-2.0-x\n", "x SSH-\nSSH-\n", "SSH-2.0-x\ry\n"] {
            #expect(refusal(Array(start.utf8) + bad) == large, "\(start)")
        }
        let notice = [UInt8](repeating: 97, count: LinkLimits.line)
        #expect(refusal(notice) == .noVersion)
        #expect(refusal(Array("SSH-".utf8) + notice) == .noVersion)
        #expect(refusal(Array(notice.dropLast(40)) + [10] + Self.version + bad) == large)
        for garbage: [UInt8] in [
            [0, 0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 2, 1, 20],
        ] {
            #expect(refusal(Self.version + garbage) == .malformed, "\(garbage)")
        }
    }

    @Test func `the offer and the words are kept`() {
        var first = FirstExchange(offering: Algorithms.Kind.keyExchange.usual)
        _ = Array("go away\r\n".utf8).withUnsafeBytes { first.take($0) }
        #expect(String(decoding: first.words, as: UTF8.self) == "go away\r\n")
        _ = (Self.version + offer("a,b")).withUnsafeBytes { first.take($0) }
        #expect(first.words.isEmpty && first.offer?.keyExchanges == ["a", "b"])
    }
}
