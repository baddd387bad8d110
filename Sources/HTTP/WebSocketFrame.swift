// Frames of a WebSocket as bytes, and the mask of a client's (RFC 6455 §5). Pure, but for the keys
// of masks, which are drawn at random.
internal import Crypto

/// The key that a frame's payload is combined with.
struct WebSocketMask: Sendable {
    /// The four bytes, the first the lowest.
    private let key: UInt32

    init(_ bytes: [UInt8]) {
        key = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    var bytes: [UInt8] { [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: key >> $0) } }

    /// Masks or unmasks the bytes from `start` on; the first is the payload's byte number `offset`.
    func apply(to bytes: inout [UInt8], from start: Int, offset: Int = 0) {
        let turn = UInt32(offset & 3) * 8
        let key = turn == 0 ? self.key : self.key >> turn | self.key << (32 - turn)
        let wide = (UInt64(key) << 32 | UInt64(key)).littleEndian
        unsafe bytes.withUnsafeMutableBytes { bytes in
            var at = start
            // Eight bytes at a time, and then what is left.
            while at + 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                unsafe bytes.storeBytes(of: word ^ wide, toByteOffset: at, as: UInt64.self)
                at += 8
            }
            while at < bytes.count {
                let shift = UInt32((at - start) & 3) * 8
                unsafe bytes[at] ^= UInt8(truncatingIfNeeded: key >> shift)
                at += 1
            }
        }
    }
}

/// Keys that nobody can foresee, drawn many at a time.
struct WebSocketMasks {
    private var pool: [UInt8] = []
    /// Keys that are drawn at once: the generator takes as long for one.
    private static let drawn = 256

    mutating func next() -> WebSocketMask {
        if pool.isEmpty { pool = Random.bytes(4 * Self.drawn) }
        defer { pool.removeLast(4) }
        return WebSocketMask(Array(pool.suffix(4)))
    }
}

extension [UInt8] {
    /// Appends a whole frame; a client gives a mask.
    mutating func append(
        frame kind: WebSocketReader.Kind, _ payload: UnsafeRawBufferPointer, mask: WebSocketMask?
    ) {
        append(128 | kind.rawValue)
        let (count, flag) = (payload.count, mask == nil ? 0 : 128 as UInt8)
        switch count {
        case ..<126: append(flag | UInt8(count))
        case ..<65536:
            append(flag | 126)
            append(number: count, bytes: 2)
        default:
            append(flag | 127)
            append(number: count, bytes: 8)
        }
        if let mask { append(contentsOf: mask.bytes) }
        let start = self.count
        unsafe append(contentsOf: payload)
        mask?.apply(to: &self, from: start)
    }

    /// Appends a whole frame with an array's bytes.
    mutating func append(
        frame kind: WebSocketReader.Kind, _ payload: [UInt8], mask: WebSocketMask?
    ) {
        unsafe payload.withUnsafeBytes { unsafe append(frame: kind, $0, mask: mask) }
    }

    private mutating func append(number: Int, bytes: Int) {
        for shift in (0..<bytes).reversed() {
            append(UInt8(truncatingIfNeeded: number >> (8 * shift)))
        }
    }
}
