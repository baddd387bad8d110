// A text of others as a person must see it who is to decide on it: exactly, with what is not seen,
// or moves or turns what is, in marked boxes. Pure. Invariant: two texts that differ look
// different; what is boxed cannot be hidden by what stands around it.

/// A text whose every character is seen.
struct VisibleText {
    /// The text, for a page's element of class `exact`, which shows characters in their order.
    let html: HTML
    /// Whether something in it would not be seen elsewhere, or would hide something.
    let hidesSomething: Bool

    /// The names of the control characters (ISO 646), by their codes.
    private static let names = [
        "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR",
        "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB",
        "ESC", "FS", "GS", "RS", "US",
    ]

    /// Boxes what is not seen in a text.
    init(_ text: String) {
        var (markup, plain, hides) = ("", "", false)
        func flush() {
            guard !plain.isEmpty else { return }
            markup += ("\(plain)" as HTML).text
            plain = ""
        }
        for scalar in text.unicodeScalars {
            let code = scalar.value
            if (32..<127).contains(code) {
                plain.unicodeScalars.append(scalar)
                continue
            }
            flush()
            let number = "U+" + String(code, radix: 16, uppercase: true)
            switch code {
            // They are seen by what follows: the mark says that they are there.
            case 10: markup += "<span class=\"blank\">\u{23CE}</span>\n"
            case 9: markup += "<span class=\"blank\">\u{21E5}</span>\t"
            case 0..<32:
                markup += "<span class=\"control\">\(Self.names[Int(code)])</span>"
                hides = true
            case 127:
                markup += "<span class=\"control\">DEL</span>"
                hides = true
            default:
                guard scalar.isSeen else {
                    markup += "<span class=\"control\">\(number)</span>"
                    hides = true
                    continue
                }
                guard !Self.isMark(scalar) else {
                    markup += "<span class=\"control\">\(number)</span>"
                    continue
                }
                // Many letters look like ASCII's own.
                markup += "<span class=\"foreign\" title=\"\(number)\">\(scalar)</span>"
            }
        }
        flush()
        (html, hidesSomething) = (HTML(trusted: markup), hides)
    }

    /// Whether it is drawn over the character before it: an accent of its own.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: true
        default: false
        }
    }
}

extension Unicode.Scalar {
    /// Whether something is drawn for it, and it moves or turns nothing; spaces are not seen.
    var isSeen: Bool {
        // Letters and marks among them: the Hangul filler U+3164, the variation selector U+FE0F.
        if properties.isDefaultIgnorableCodePoint { return false }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate,
            .privateUse, .unassigned:
            false
        default: true
        }
    }
}
