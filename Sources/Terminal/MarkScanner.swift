// Splits what a terminal sends into output and marks. It stands between the transport and the
// session's log. Invariant: bytes in = output out + valid marks, whatever the chunk boundaries, and
// never more than `bodyLimit` bytes are held back.

/// An incremental scanner for the marks of one nonce.
public struct MarkScanner: Sendable {
    /// A piece of what was scanned, in order.
    public enum Piece: Equatable, Sendable {
        /// Bytes that are no mark.
        case output(ArraySlice<UInt8>)
        /// A mark of this shell.
        case mark(Mark)
    }

    private enum State {
        case text
        case opening  // `held` is a beginning of ESC ]133; letter ; NONCE ;
        case body  // the nonce was right: `held` is the opening and the fields so far
    }

    /// Two paths of PATH_MAX and some: a mark is never longer.
    static let bodyLimit = 9000

    private let opening: [UInt8]  // 0 stands for the letter
    private let nonce: [UInt8]
    private var state = State.text
    private var held: [UInt8] = []

    /// A scanner for one shell's marks.
    public init(nonce: Nonce) {
        self.nonce = nonce.bytes
        opening =
            [0x1b] + Array("]133;".utf8) + [0, UInt8(ascii: ";")] + nonce.bytes + [
                UInt8(ascii: ";")
            ]
    }

    private static let letterIndex = 6

    /// Scans one chunk; calls `emit` with the pieces in order.
    public mutating func scan(_ chunk: [UInt8], _ emit: (Piece) -> Void) {
        var index = 0
        while index < chunk.count {
            switch state {
            case .text:
                let escape = firstOpening(in: chunk[index...])
                if escape > index { emit(.output(chunk[index..<escape])) }
                if escape < chunk.count {
                    held = [0x1b]
                    state = .opening
                }
                index = escape + 1
            case .opening:
                if matches(chunk[index], at: held.count) {
                    held.append(chunk[index])
                    index += 1
                    if held.count == opening.count { state = .body }
                } else {
                    // ESC stands only at the front, so no later beginning is lost.
                    release(emit)
                }
            case .body:
                held.append(chunk[index])
                index += 1
                let isBegin = held[Self.letterIndex] == UInt8(ascii: "C")
                if held.last == (isBegin ? 10 : 7) { close(emit) }
                if held.count >= Self.bodyLimit { release(emit) }
            }
        }
    }

    /// Gives back what is held, when nothing more can come.
    public mutating func finish(_ emit: (Piece) -> Void) {
        if !held.isEmpty { release(emit) }
    }

    /// Where a mark may begin: an ESC after which all that is there yet matches.
    private func firstOpening(in bytes: ArraySlice<UInt8>) -> Int {
        var rest = bytes
        while let escape = rest.place(of: 0x1b) {
            rest = rest[(escape + 1)...]
            if zip(1..., rest.prefix(opening.count - 1)).allSatisfy({ matches($1, at: $0) }) {
                return escape
            }
        }
        return bytes.endIndex
    }

    private func matches(_ byte: UInt8, at index: Int) -> Bool {
        guard index == Self.letterIndex else { return opening[index] == byte }
        return byte >= UInt8(ascii: "C") && byte <= UInt8(ascii: "F") || byte == UInt8(ascii: "P")
    }

    private mutating func release(_ emit: (Piece) -> Void) {
        emit(.output(held[...]))
        held = []
        state = .text
    }

    private mutating func close(_ emit: (Piece) -> Void) {
        let letter = held[Self.letterIndex]
        var fields = held[opening.count..<(held.count - 1)]
        if letter != UInt8(ascii: "C"), letter != UInt8(ascii: "F") {
            // A BEL inside a directory's name: the mark goes on to the closing nonce.
            guard fields.count > nonce.count, fields.suffix(nonce.count).elementsEqual(nonce) else {
                return
            }
            fields = fields.dropLast(nonce.count)
            guard fields.last == UInt8(ascii: ";") else { return }
            fields = fields.dropLast()
        }
        guard let mark = Mark(letter: letter, fields: fields) else { return release(emit) }
        held = []
        state = .text
        emit(.mark(mark))
    }
}
