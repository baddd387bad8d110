// One position of a screen in eight bytes: a character with up to two combining marks. A row is an
// array of cells that ends with the last written one, so an empty screen costs nothing.
// Invariant: a wide character is followed by `Cell.rest`, or it has been overwritten in part.

/// A character, at most two combining marks, and whether it takes two columns.
struct Cell: Equatable {
    /// 21 bits each for the character and two combining marks; the highest bit: wide.
    private var bits: UInt64

    /// Nothing was written here.
    static let blank = Cell(bits: 0)
    /// The second column of a wide character.
    static let rest = Cell(bits: 0x1f_ffff)

    private init(bits: UInt64) { self.bits = bits }

    init(_ scalar: UInt32, isWide: Bool) {
        bits = UInt64(scalar & 0x1f_ffff) | (isWide ? 1 << 63 : 0)
    }

    /// Adds a combining mark to the character; a third one is dropped.
    mutating func add(_ mark: Unicode.Scalar) {
        guard self != .blank, self != .rest else { return }
        for shift in [UInt64(21), 42] where (bits >> shift) & 0x1f_ffff == 0 {
            bits |= UInt64(mark.value) << shift
            return
        }
    }

    var isWide: Bool { bits >> 63 == 1 }

    /// The character and its marks.
    func write(to text: inout String.UnicodeScalarView) {
        for shift in [UInt64(0), 21, 42] {
            let value = UInt32((bits >> shift) & 0x1f_ffff)
            if value == 0, shift > 0 { return }
            text.append(value < 32 ? " " : Unicode.Scalar(value) ?? "\u{fffd}")
        }
    }
}

extension [Cell] {
    /// The row as text, without blanks at its end.
    var text: String {
        var text = String.UnicodeScalarView()
        for (index, cell) in enumerated() {
            if cell == .rest {
                let follows = index > 0 && self[index - 1].isWide
                if !follows { text.append(" ") }
            } else if cell.isWide, index + 1 >= count || self[index + 1] != .rest {
                text.append(" ")
            } else {
                cell.write(to: &text)
            }
        }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
