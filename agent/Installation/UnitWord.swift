// Words in a unit of systemd, as systemd.syntax(7) and systemd.service(5) have them.
// Pure. Invariant: systemd, and `read`, make of a word what was written.
import Crypto

/// A word of a unit's line.
enum UnitWord {
    /// A word as the value of a setting that takes several, such as `Environment`.
    static func quoted(_ word: String) -> String {
        var text = ""
        var isPlain = true
        for letter in word.unicodeScalars {
            switch letter {
            // It begins a specifier.
            case "%": text += "%%"
            case "\\", "\"":
                text += "\\\(letter)"
                isPlain = false
            case "'", " ":
                text.unicodeScalars.append(letter)
                isPlain = false
            case _ where isControl(letter):
                text += "\\x" + Hex.encode([UInt8(letter.value)])
                isPlain = false
            default: text.unicodeScalars.append(letter)
            }
        }
        return isPlain ? text : "\"\(text)\""
    }

    /// The word that `quoted` has written; nil: it has not.
    static func read(_ text: String) -> String? {
        var rest = Substring(text)
        if rest.count > 1, rest.first == "\"", rest.last == "\"" {
            rest = rest.dropFirst().dropLast()
        }
        var word = ""
        while let letter = rest.popFirst() {
            switch letter {
            case "%":
                guard rest.popFirst() == "%" else { return nil }
                word += "%"
            case "\\":
                switch rest.popFirst() {
                case "\\": word += "\\"
                case "\"": word += "\""
                case "x":
                    guard let value = UInt8(rest.prefix(2), radix: 16) else { return nil }
                    word.unicodeScalars.append(Unicode.Scalar(value))
                    rest = rest.dropFirst(2)
                default: return nil
                }
            default: word.append(letter)
            }
        }
        return word
    }

    /// The command line that runs a program with one argument, a plain word.
    ///
    /// systemd takes no quote, backslash or control character in the name of a program; it does in
    /// an argument, where `$` begins a variable.
    static func command(_ program: String, _ argument: String) -> String {
        let isTaken = !program.unicodeScalars.contains {
            ["\"", "'", "\\"].contains($0) || isControl($0)
        }
        guard !isTaken else { return "\(quoted(program)) \(argument)" }
        return "/bin/sh -c 'exec \"$$0\" \(argument)' "
            + quoted(program).replacing("$", with: "$$")
    }

    private static func isControl(_ letter: Unicode.Scalar) -> Bool {
        letter.value < 0x20 || letter.value == 0x7F
    }
}
