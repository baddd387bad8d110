// Where a control string (a title, an image, a clipboard) ends, for everything that reads output.
// Its bytes are skipped, not kept: an image may have any size.
// Invariant: a string that is never ended swallows at most the rest of its line, or the lines that
// look like an image's data.

/// A control string that has begun: `ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _` or `ESC k`.
struct ControlString: Sendable {
    /// What a byte is to the string.
    enum Place {
        /// A part of it.
        case inside
        /// Its last byte.
        case last
        /// `ESC`: with a backslash behind it, its end; else the beginning of another sequence.
        case escape
        /// Behind it: the string ends without an end of its own.
        case behind
    }

    /// The most bytes of a string, and of one that carries an image or a clipboard: more than
    /// command lines (OSC 633) and photographs have.
    static let limit = 1 << 20, dataLimit = 64 << 20
    /// Bytes at the beginning that show what a string carries.
    private static let headLimit = 24
    /// The least bytes of a line of base64 that continues on the next one: programs break it after
    /// 64 or 76.
    private static let fullLine = 60

    private let introducer: UInt8
    private var head: [UInt8] = []
    /// What the string carries, as far as the head shows.
    private var content = Content.text
    /// The bytes so far, without the introducer.
    private(set) var length = 0
    private var lineLength = 0
    private var isContinued = false
    /// Whether the line that ended last was too short to go on: only the string's end follows it.
    private var isLast = false

    /// A string that begins with `ESC` and this byte.
    init(_ introducer: UInt8) { self.introducer = introducer }

    /// Whether `ESC` and this byte begin a string; `k` begins a title in screen and tmux.
    static func begins(_ byte: UInt8) -> Bool { introducers.contains(byte) }

    private static let introducers = Set("]PX^_k".utf8)

    /// Takes in the next byte.
    mutating func take(_ byte: UInt8) -> Place {
        switch byte {
        case 7, 0x18, 0x1a: return .last
        case 0x1b: return .escape
        case 10, 13: return lineEnd(byte)
        default: break
        }
        // In a continued line, what no image has is the output that follows an image cut short.
        if isLast || isContinued && (byte <= 0x20 || byte >= 0x7f) { return .behind }
        length += 1
        lineLength += 1
        if head.count < Self.headLimit {
            head.append(byte)
            content = carried
        }
        let isTooLong = length > Self.limit && (length > Self.dataLimit || content == .text)
        return isTooLong ? .behind : .inside
    }

    private mutating func lineEnd(_ byte: UInt8) -> Place {
        switch content {
        case .text: return .behind
        case .base64: if byte == 10, lineLength < Self.fullLine { isLast = true }
        case .sixels: break
        }
        if byte == 10 { (isContinued, lineLength) = (true, 0) }
        return .inside
    }

    private enum Content { case text, base64, sixels }

    /// What the head shows: kitty's images, iTerm2's files and a clipboard are base64.
    private var carried: Content {
        switch introducer {
        case UInt8(ascii: "_"): head.first == UInt8(ascii: "G") ? .base64 : .text
        case UInt8(ascii: "]"):
            head.starts(with: Array("1337;".utf8)) || head.starts(with: Array("52;".utf8))
                ? .base64 : .text
        case UInt8(ascii: "P"):
            head.first { $0 != UInt8(ascii: ";") && !(48...57).contains($0) } == UInt8(ascii: "q")
                ? .sixels : .text
        default: .text
        }
    }
}
