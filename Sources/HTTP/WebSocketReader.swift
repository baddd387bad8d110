// The frames of a WebSocket (RFC 6455 §5) as a stream of bytes: what others sent, unmasked, however
// it was cut into messages, fragments and pieces. Pure.
// Invariant: nothing but a control frame's payload (at most 125 bytes) is ever held back.

/// What the next bytes are.
enum WebSocketPart: Equatable, Sendable {
    /// Bytes of a binary message, or of a fragment of one.
    case data([UInt8])
    /// A ping, whose payload the pong repeats.
    case ping([UInt8])
    /// The peer ends the connection; nil: without a code.
    case close(code: UInt16?)
}

/// What breaks the rules, or a limit.
enum WebSocketViolation: Error, Equatable, Sendable, CustomStringConvertible {
    /// A bit is set that belongs to an extension; none was agreed on.
    case reservedBits
    /// A kind of frame that does not exist.
    case unknownKind(UInt8)
    /// A client's frame without a mask, or a server's with one.
    case mask(isExpected: Bool)
    /// A control frame in fragments, or longer than 125 bytes.
    case control
    /// A length written with more bytes than it needs.
    case longWinded
    /// A frame longer than the limit.
    case tooLong
    /// A fragment without a beginning, or a message inside another.
    case order
    /// A text message: tunnels are bytes.
    case text
    /// Too many frames in a row that carry nothing.
    case idle
    /// A close frame whose code may not be sent.
    case closeCode

    var description: String {
        switch self {
        case .reservedBits: "a frame has bits of an extension"
        case .unknownKind(let kind): "a frame is of the unknown kind \(kind)"
        case .mask(let isExpected):
            isExpected ? "a frame of a client is not masked" : "a frame of a server is masked"
        case .control: "a control frame is fragmented or longer than 125 bytes"
        case .longWinded: "a frame's length is not written in the shortest form"
        case .tooLong: "a frame is longer than \(WebSocketLimits.frameBytes) bytes"
        case .order: "a fragment does not belong where it stands"
        case .text: "a message is text"
        case .idle: "more than \(WebSocketLimits.idleFrames) frames in a row carry nothing"
        case .closeCode: "a close frame has a code that may not be sent"
        }
    }

    /// The code of the close frame that answers it (RFC 6455 §7.4.1).
    var closeCode: UInt16 {
        switch self {
        case .reservedBits, .unknownKind, .mask, .control, .longWinded, .order, .closeCode: 1002
        case .text: 1003
        case .idle: 1008
        case .tooLong: 1009
        }
    }
}

/// What one WebSocket accepts.
public enum WebSocketLimits {
    /// The most bytes of a frame: as many as the window of a tunnel's connection.
    ///
    /// A frame is passed on as it comes, so this bounds no memory: a length beyond it is damage.
    public static let frameBytes = 16 << 20
    /// The most frames in a row without data: some proxies send pings, and an idle tunnel has data
    /// every 15 s.
    public static let idleFrames = 100
}

/// Reads the frames of one peer.
struct WebSocketReader {
    /// The kinds of frames (RFC 6455 §5.2).
    enum Kind: UInt8 { case continuation, text, binary, close = 8, ping, pong }

    /// A frame whose payload is being read.
    private struct Frame {
        let kind: Kind
        let isLast: Bool
        let mask: WebSocketMask?
        let count: Int
        var taken = 0
    }

    private let expectsMask: Bool
    private var header: [UInt8] = []
    private var frame: Frame?
    private var control: [UInt8] = []
    private var isInMessage = false
    private var idle = 0

    /// A reader of a client's frames, which are masked, or of a server's.
    init(expectsMask: Bool) { self.expectsMask = expectsMask }

    /// Reads on at `at`; nil when all bytes are taken.
    mutating func next(
        _ bytes: Span<UInt8>, at: inout Int
    ) throws(WebSocketViolation) -> WebSocketPart? {
        while true {
            if frame == nil {
                guard try takeHeader(bytes, &at) else { return nil }
            }
            guard var frame else { return nil }
            let count = min(frame.count - frame.taken, bytes.count - at)
            let piece =
                count == 0
                ? [] : Self.piece(bytes.extracting(at..<(at + count)), frame.mask, frame.taken)
            at += count
            frame.taken += count
            let isWhole = frame.taken == frame.count
            self.frame = isWhole ? nil : frame
            switch frame.kind {
            case .continuation, .text, .binary:
                if isWhole { isInMessage = !frame.isLast }
                if count > 0 {
                    idle = 0
                    return .data(piece)
                }
            case .close, .ping, .pong:
                control += piece
                if isWhole, let part = try controlled(frame.kind) { return part }
            }
            if !isWhole { return nil }
        }
    }

    private mutating func controlled(_ kind: Kind) throws(WebSocketViolation) -> WebSocketPart? {
        let payload = control
        control = []
        switch kind {
        case .ping: return .ping(payload)
        case .close:
            guard !payload.isEmpty else { return .close(code: nil) }
            guard payload.count >= 2 else { throw .closeCode }
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            // 1004 to 1006 and 1015 are for programs alone; 3000 to 4999 for those who agreed.
            switch code {
            case 1000...1003, 1007...1014, 3000...4999: return .close(code: code)
            default: throw .closeCode
            }
        case .continuation, .text, .binary, .pong: return nil
        }
    }

    /// Takes the bytes of a header; true when it is complete, and the frame can be read.
    private mutating func takeHeader(
        _ bytes: Span<UInt8>, _ at: inout Int
    ) throws(WebSocketViolation) -> Bool {
        while at < bytes.count {
            header.append(bytes[at])
            at += 1
            guard header.count >= 2 else { continue }
            if header.count == 2 { try check() }
            guard header.count == headerSize else { continue }
            try begin()
            return true
        }
        return false
    }

    /// The size of the header, as its second byte says.
    private var headerSize: Int {
        let more =
            switch header[1] & 127 {
            case 126: 2
            case 127: 8
            default: 0
            }
        return 2 + more + (expectsMask ? 4 : 0)
    }

    /// Checks the first two bytes, before more are waited for.
    private func check() throws(WebSocketViolation) {
        guard header[0] & 0x70 == 0 else { throw .reservedBits }
        guard let kind = Kind(rawValue: header[0] & 15) else {
            throw .unknownKind(header[0] & 15)
        }
        guard (header[1] & 128 != 0) == expectsMask else { throw .mask(isExpected: expectsMask) }
        switch kind {
        case .text: throw .text
        case .continuation: guard isInMessage else { throw .order }
        case .binary: guard !isInMessage else { throw .order }
        case .close, .ping, .pong:
            guard header[0] & 128 != 0, header[1] & 127 < 126 else { throw .control }
        }
    }

    private mutating func begin() throws(WebSocketViolation) {
        guard let kind = Kind(rawValue: header[0] & 15) else {
            throw .unknownKind(header[0] & 15)
        }
        let (short, end) = (Int(header[1] & 127), headerSize - (expectsMask ? 4 : 0))
        var count = short
        if short > 125 {
            let wide = header[2..<end].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard wide > (short == 126 ? 125 : 0xFFFF) else { throw .longWinded }
            guard wide <= WebSocketLimits.frameBytes else { throw .tooLong }
            count = Int(wide)
        }
        let isControl = kind.rawValue >= Kind.close.rawValue
        if isControl || count == 0 {
            idle += 1
            guard idle <= WebSocketLimits.idleFrames else { throw .idle }
        }
        frame = Frame(
            kind: kind, isLast: header[0] & 128 != 0,
            mask: expectsMask ? WebSocketMask(Array(header[end...])) : nil, count: count)
        header.removeAll(keepingCapacity: true)
    }

    private static func piece(
        _ bytes: Span<UInt8>, _ mask: WebSocketMask?, _ offset: Int
    ) -> [UInt8] {
        var piece: [UInt8] = []
        unsafe bytes.withUnsafeBytes { unsafe piece.append(contentsOf: $0) }
        mask?.apply(to: &piece, from: 0, offset: offset)
        return piece
    }
}
