// What makes a mark ours: random text that only this shell was given. Nothing a program prints can
// contain it by chance or by guess. Invariant: at least 96 random bits, lower-case hex, never
// logged.

/// The secret text inside every mark of one shell.
public struct Nonce: Sendable, Equatable {
    /// 32 lower-case hex digits.
    public let bytes: [UInt8]

    /// The digits as text, for the lines typed at set-up.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The digits in two parts, as shells keep them: in no list of what a shell has is the nonce
    /// whole.
    public var halves: [[UInt8]] { [Array(bytes.prefix(16)), Array(bytes.dropFirst(16))] }

    /// The statements `NAME=half NAME=half`.
    func assigned(to names: (String, String)) -> String {
        let texts = halves.map { String(decoding: $0, as: UTF8.self) }
        return "\(names.0)=\(texts[0]) \(names.1)=\(texts[1])"
    }

    /// The first digits, for the marks P and F: the other digits are 96 bits.
    ///
    /// Histories and lists of processes show the question to an unknown shell, and mksh keeps mark
    /// F as it is.
    var beginning: [UInt8] { Array(bytes.prefix(Self.beginningDigits)) }

    /// The number of those digits.
    static let beginningDigits = 8

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
