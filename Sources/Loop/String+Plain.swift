// Text of others in logs and on terminals. Pure.
// Invariant: what comes out moves no cursor, starts no control sequence and hides no direction of
// writing.

extension String {
    /// The text with `?` for each control character but tab, and for each character that is not
    /// seen or changes the direction of writing; a line feed stays only with `keepsLines`.
    public func plain(keepsLines: Bool) -> String {
        // Our own sentences, which most are, have nothing to replace.
        if utf8.allSatisfy({ (32..<127).contains($0) }) { return self }
        var plain = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            plain.append(Self.isPlain(scalar) || keepsLines && scalar == "\n" ? scalar : "?")
        }
        return String(plain)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\t" { return true }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
        default: true
        }
    }
}
