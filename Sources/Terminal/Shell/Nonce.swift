// What makes a mark ours: random text that only this shell was given. Nothing a program prints can
// contain it by chance or by guess. Invariant: at least 96 random bits, lower-case hex, never
// logged.

/// The secret text inside every mark of one shell.
public struct Nonce: Sendable, Equatable {
    /// 32 lower-case hex digits.
    public let bytes: [UInt8]

    /// The digits as text, for the lines typed at set-up.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// A new nonce of 128 bits.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(high: generator.next(), low: generator.next())
    }

    /// A new nonce of 128 bits from the system's generator.
    public init() {
        var generator = SystemRandomNumberGenerator()
        self.init(using: &generator)
    }

    /// A nonce from two given words; for tests.
    public init(high: UInt64, low: UInt64) {
        let digits = Array("0123456789abcdef".utf8)
        bytes = [high, low].flatMap { word in
            (0..<16).map { digits[Int(truncatingIfNeeded: word >> UInt64(60 - 4 * $0)) & 15] }
        }
    }
}
