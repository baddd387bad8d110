// The id of a message that is not held, or cannot be parsed: read from its bytes as they pass.
// Pure. Flow: a line that is too long → LineSplitter → MessageSkim → the error's id; bytes that are
// no JSON → Message → MessageSkim → the error's id; replies on their way to a client → LineRelay.
// Invariant: it holds at most one id; what it says of bytes that are no JSON object means nothing,
// and harms nobody.
import JSON

struct MessageSkim {
    /// Longest id in bytes that is read: clients count, or send UUIDs.
    static let idBytes = 256

    /// What the scan is in, at the outermost level of the object.
    private enum Place {
        case before, name, value
    }

    private var place = Place.before
    private var depth = 0
    private var isString = false
    private var isEscaped = false
    /// The bytes of the name or value at hand, as far as they are wanted.
    private var text: [UInt8] = []
    private var name: [UInt8] = []
    private(set) var id: RequestID?
    private(set) var hasMethod = false

    /// Reads on.
    mutating func feed(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes { feed(byte) }
    }

    private mutating func feed(_ byte: UInt8) {
        if isString {
            keep(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""):
            isString = true
            keep(byte)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            keep(byte)
            if depth == 1, byte == UInt8(ascii: "{") { begin(.name) }
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 1 {
                endValue()
                place = .before
            }
            depth -= 1
            keep(byte)
        case UInt8(ascii: ":") where depth == 1 && place == .name:
            name = text
            begin(.value)
        case UInt8(ascii: ",") where depth == 1:
            endValue()
            if place == .value { begin(.name) }
        case 0x20, 0x09, 0x0A, 0x0D: break
        default: keep(byte)
        }
    }

    /// Keeps a byte of a name, or of a value that is wanted; one byte more than is allowed shows
    /// that it is too long.
    private mutating func keep(_ byte: UInt8) {
        guard depth == 1, text.count <= Self.idBytes else { return }
        switch place {
        case .before: break
        case .name: text.append(byte)
        case .value where name.elementsEqual("\"id\"".utf8): text.append(byte)
        case .value: break
        }
    }

    private mutating func begin(_ next: Place) {
        place = next
        text = []
    }

    private mutating func endValue() {
        guard place == .value else { return }
        if name.elementsEqual("\"method\"".utf8) { hasMethod = true }
        guard name.elementsEqual("\"id\"".utf8), text.count <= Self.idBytes,
            (try? JSON(parsing: text)) != nil
        else { return }
        id = RequestID(text, 0..<text.count)
    }
}
