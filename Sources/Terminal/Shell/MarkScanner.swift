// Splits what a terminal sends into output and marks, between the transport and the session's log.
// A shell inside another has its own nonce; the outer one's marks show that the inner one has
// ended. Invariant: bytes in = output out + valid marks, whatever the chunk boundaries, and at most
// `bodyLimit` bytes are held back.

/// An incremental scanner for the marks of one nonce, or of those of shells inside each other.
public struct MarkScanner: Sendable {
    /// A piece of what was scanned, in order.
    public enum Piece: Equatable, Sendable {
        /// Bytes that are not a mark.
        case output(ArraySlice<UInt8>)
        /// A mark of the innermost shell.
        case mark(Mark)
        /// A mark of another shell, counted from the outermost (0).
        case outerMark(Mark, level: Int)
    }

    private enum State {
        case text
        case opening  // `held` is a beginning of ESC ]133; letter ; NONCE ;
        case body  // the nonce was right: `held` is the opening and the fields so far
    }

    /// The most bytes of a mark, except one with variables: two paths of PATH_MAX and some more.
    static let bodyLimit = 9000
    /// The same for a mark with variables: the terminal may turn each LF into CR LF.
    static let exportsLimit = 2 * Exports.sizeLimit + 256
    /// The most shells inside each other: each costs one comparison per possible mark.
    public static let levelLimit = 9

    private var openings: [[UInt8]]  // 0 takes the place of the letter
    private var state = State.text
    private var held: [UInt8] = []
    /// In `opening`, the shells whose mark `held` may be, as bits; in `body`, its shell alone.
    private var candidates: UInt32 = 0
    /// In `body`, where the fields begin.
    private var fieldsBegin = 0

    /// A scanner for one shell's marks.
    public init(nonce: Nonce) { openings = [Self.opening(nonce)] }

    private static let letterIndex = 6
    private static let nonceIndex = 8

    private static func opening(_ nonce: Nonce) -> [UInt8] {
        [0x1b] + Array("]133;".utf8) + [0, UInt8(ascii: ";")] + nonce.bytes + [UInt8(ascii: ";")]
    }

    /// The number of shells whose marks are found.
    public var levels: Int { openings.count }

    /// Also finds the marks of a shell inside the innermost one.
    public mutating func push(_ nonce: Nonce) {
        precondition(openings.count < Self.levelLimit, "shells nested beyond the limit")
        openings.append(Self.opening(nonce))
    }

    /// Finds only the marks of the outermost `count` shells.
    public mutating func keep(_ count: Int) {
        while openings.count > max(count, 1) { remove(openings.count - 1) }
    }

    /// Forgets one shell: another has taken its place.
    public mutating func remove(_ level: Int) {
        guard openings.count > 1, openings.indices.contains(level) else { return }
        openings.remove(at: level)
        let below = candidates & (1 << level - 1)
        // Bytes held for that shell alone have no candidate left, and are output.
        candidates = below | (candidates >> (level + 1)) << level
    }

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
                    candidates = 1 << openings.count - 1
                    state = .opening
                }
                index = escape + 1
            case .opening:
                let matching = matching(chunk[index])
                if Self.endsBeginning(held[...], chunk[index]) {
                    held.append(chunk[index])
                    index += 1
                    (state, fieldsBegin) = (.body, held.count)
                } else if matching != 0 {
                    candidates = matching
                    held.append(chunk[index])
                    index += 1
                    if held.count == openings[0].count {
                        (state, fieldsBegin) = (.body, held.count)
                    }
                } else {
                    // ESC occurs only at the front, so no later beginning is lost.
                    release(emit)
                }
            case .body:
                held.append(chunk[index])
                index += 1
                let isBegin = held[Self.letterIndex] == UInt8(ascii: "C")
                if held.last == (isBegin ? 10 : 7) { close(emit) }
                if held.count >= Self.bodyLimit,
                    !isVariables || held.count >= Self.exportsLimit
                {
                    release(emit)
                }
            }
        }
    }

    /// Whether the held bytes are variables: they are never output, even if the mark stays
    /// incomplete.
    private var isVariables: Bool {
        state == .body && held[Self.letterIndex] == UInt8(ascii: "V")
    }

    /// Emits the held bytes, when nothing more can come.
    public mutating func finish(_ emit: (Piece) -> Void) {
        if !held.isEmpty { release(emit) }
    }

    /// Where a mark may begin: an ESC after which all bytes so far match.
    private func firstOpening(in bytes: ArraySlice<UInt8>) -> Int {
        var rest = bytes
        while let escape = rest.place(of: 0x1b) {
            rest = rest[(escape + 1)...]
            if openings.contains(where: { Self.mayBegin(bytes[escape...], $0) }) { return escape }
        }
        return bytes.endIndex
    }

    /// Whether bytes from an ESC on may begin a mark with this opening.
    private static func mayBegin(_ bytes: ArraySlice<UInt8>, _ opening: [UInt8]) -> Bool {
        for (index, byte) in bytes.prefix(opening.count).enumerated()
        where !matches(byte, at: index, of: opening) {
            return endsBeginning(bytes.prefix(index), byte)
        }
        return true
    }

    /// Whether a byte ends the nonce's first digits in a mark that may have those alone.
    private static func endsBeginning(_ held: ArraySlice<UInt8>, _ byte: UInt8) -> Bool {
        held.count == nonceIndex + Nonce.beginningDigits && byte == UInt8(ascii: ";")
            && [UInt8(ascii: "F"), UInt8(ascii: "P")].contains(
                held[held.startIndex + letterIndex])
    }

    private static func matches(_ byte: UInt8, at index: Int, of opening: [UInt8]) -> Bool {
        guard index == letterIndex else { return opening[index] == byte }
        return byte >= UInt8(ascii: "C") && byte <= UInt8(ascii: "F")
            || byte == UInt8(ascii: "P") || byte == UInt8(ascii: "V")
    }

    /// The shells whose opening continues with `byte`.
    private func matching(_ byte: UInt8) -> UInt32 {
        let index = held.count
        if index == Self.letterIndex || openings.count == 1 {
            return Self.matches(byte, at: index, of: openings[0]) ? candidates : 0
        }
        var left: UInt32 = 0
        for level in openings.indices
        where candidates & 1 << level != 0 && openings[level][index] == byte {
            left |= 1 << level
        }
        return left
    }

    private mutating func release(_ emit: (Piece) -> Void) {
        if !isVariables { emit(.output(held[...])) }
        held = []
        state = .text
    }

    /// Where in the held bytes another mark of this shell begins.
    private func nextOpening(_ level: Int) -> Int? {
        let opening = openings[level]
        var rest = held[1...]
        while let escape = rest.place(of: 0x1b) {
            rest = rest[escape...]
            if rest.count > opening.count,
                zip(0..., rest.prefix(opening.count)).allSatisfy({
                    Self.matches($1, at: $0, of: opening)
                })
            {
                return escape
            }
            rest = rest.dropFirst()
        }
        return nil
    }

    private mutating func close(_ emit: (Piece) -> Void) {
        let letter = held[Self.letterIndex]
        // The innermost shell is the one that is asked.
        let level = 31 - candidates.leadingZeroBitCount
        guard openings.indices.contains(level) else { return release(emit) }
        if isVariables, let next = nextOpening(level) {
            // The program that printed the variables was killed: a new mark follows.
            held.removeSubrange(..<next)
            return close(emit)
        }
        let nonce = openings[level][Self.nonceIndex..<(fieldsBegin - 1)]
        var fields = held[fieldsBegin..<(held.count - 1)]
        if letter != UInt8(ascii: "C"), letter != UInt8(ascii: "F") {
            // A BEL inside a directory's name: the mark continues to the closing nonce.
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
        emit(level == openings.count - 1 ? .mark(mark) : .outerMark(mark, level: level))
    }
}
