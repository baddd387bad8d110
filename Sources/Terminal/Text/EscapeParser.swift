// Splits terminal output into text, control characters and escape sequences, byte by byte.
// Everything that reads sequences uses it: modes, alternate-screen ranges, the screen.
// Invariant: the same events however the input is cut; memory is at most `stringLimit`.

/// An incremental parser of escape sequences; it does not interpret them.
public struct EscapeParser: Sendable {
    /// The kind of a sequence, by its introducer.
    public enum Kind: Sendable {
        /// `ESC`, intermediates, a final byte.
        case escape
        /// `ESC [`, parameters, a final byte.
        case control
        /// `ESC ]`, `ESC P`, `ESC k` (a title in screen and tmux) and the like, up to their end;
        /// `body` begins with that byte.
        case string
    }

    /// The event that a byte completed.
    public enum Event: Equatable, Sendable {
        /// A printed byte, or a part of a character in UTF-8.
        case text(UInt8)
        /// A control character, also within a sequence.
        case control(UInt8)
        /// A sequence; its bytes are in `body`.
        case sequence(Kind)
    }

    /// The most bytes of a control sequence: a longer one is not a real one, and is dropped.
    private static let controlLimit = 64
    /// Bytes of a string that are kept: enough for a title.
    private static let stringLimit = 512

    private enum State { case ground, escape, control, string, stringEscape }

    /// The bytes of the newest sequence, without its introducer.
    public private(set) var body: [UInt8] = []
    /// Whether the newest string ended with a bell in place of `ESC \`.
    public private(set) var endsWithBell = false
    private var state = State.ground
    private var length = 0
    private var string = ControlString(0)

    /// A parser between sequences.
    public init() {}

    /// Whether no sequence is open.
    public var isGround: Bool { state == .ground }

    /// The bytes of a string that has begun, also of those that are not kept; 0: none has.
    var stringLength: Int {
        switch state {
        case .string, .stringEscape: string.length
        case .ground, .escape, .control: 0
        }
    }

    /// The bytes of a sequence that has begun.
    public var unfinished: [UInt8] {
        switch state {
        case .ground: []
        case .escape, .string: [0x1b] + body
        case .control: [0x1b, UInt8(ascii: "[")] + body
        case .stringEscape: [0x1b] + body + [0x1b]
        }
    }

    /// Takes one byte; nil: it is part of something unfinished, or nothing.
    public mutating func take(_ byte: UInt8) -> Event? {
        if byte == 0x18 || byte == 0x1a {
            state = .ground
            return nil
        }
        switch state {
        case .ground:
            if byte >= 0x20 { return byte == 0x7f ? nil : .text(byte) }
            if byte == 0x1b { begin(.escape) }
            return byte == 0x1b ? nil : .control(byte)
        case .escape: return escape(byte)
        case .control: return control(byte)
        case .string: return string(byte)
        case .stringEscape:
            if byte == UInt8(ascii: "\\") {
                endsWithBell = false
                state = .ground
                return .sequence(.string)
            }
            begin(.escape)
            return escape(byte)
        }
    }

    private mutating func begin(_ state: State) {
        self.state = state
        body.removeAll(keepingCapacity: true)
        length = 0
    }

    private mutating func escape(_ byte: UInt8) -> Event? {
        switch byte {
        case 0x1b: begin(.escape)
        case 0..<0x20: return .control(byte)
        case UInt8(ascii: "[") where body.isEmpty: begin(.control)
        case _ where ControlString.begins(byte):
            guard body.isEmpty else { return finish(byte, .escape) }
            begin(.string)
            string = ControlString(byte)
            body.append(byte)
        case 0x20..<0x30: if body.count < 4 { body.append(byte) }
        case 0x30..<0x7f: return finish(byte, .escape)
        case 0x7f: break
        default:
            state = .ground
            return .text(byte)
        }
        return nil
    }

    private mutating func control(_ byte: UInt8) -> Event? {
        switch byte {
        case 0x1b: begin(.escape)
        case 0..<0x20: return .control(byte)
        case 0x20..<0x40:
            length += 1
            if length <= Self.controlLimit { body.append(byte) }
        case 0x40..<0x7f:
            guard length <= Self.controlLimit else {
                state = .ground
                return nil
            }
            return finish(byte, .control)
        case 0x7f: break
        default:
            state = .ground
            return .text(byte)
        }
        return nil
    }

    private mutating func finish(_ byte: UInt8, _ kind: Kind) -> Event {
        body.append(byte)
        state = .ground
        return .sequence(kind)
    }

    private mutating func string(_ byte: UInt8) -> Event? {
        switch string.take(byte) {
        case .inside: if byte > 0x1f, body.count < Self.stringLimit { body.append(byte) }
        case .last:
            endsWithBell = true
            state = .ground
            return .sequence(.string)
        case .escape: state = .stringEscape
        case .behind:
            state = .ground
            return take(byte)
        }
        return nil
    }
}
