// Names in a directory that cannot be sent back as paths, and how they are shown. Pure.
// Invariant: what is shown acts on no terminal.

/// What is odd about a name.
enum OddName: Equatable {
    /// No file has such a name: it is a hostile server's.
    case impossible
    /// It has control characters, which would act on the terminal that shows it.
    case control
    /// It is not UTF-8, so that the text of it names no file.
    case notUTF8

    /// The longest name in bytes: 255 UTF-16 units, which some file systems allow, take 765.
    private static let longest = 1024

    /// What is odd about a name; nil: nothing is.
    init?(_ name: String) {
        if !(1...Self.longest).contains(name.utf8.count) || name == "." || name == ".."
            || name.utf8.contains(UInt8(ascii: "/")) || name.utf8.contains(0)
        {
            self = .impossible
        } else if name.unicodeScalars.contains(where: Self.isControl) {
            self = .control
        } else if name.unicodeScalars.contains("\u{FFFD}") {
            self = .notUTF8
        } else {
            return nil
        }
    }

    /// The reason as answers give it, and what to do.
    var reason: String {
        switch self {
        case .impossible: "a name that no file can have"
        case .control:
            "its name has control characters, shown as escapes: use ssh_execute for it"
        case .notUTF8:
            "its name is not UTF-8, so that the file tools cannot name it: use ssh_execute for it"
        }
    }

    /// A path with escapes for control characters, and for the backslash: as bash reads it in
    /// `$'…'`.
    static func shown(_ path: String) -> String {
        var text = ""
        for scalar in path.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default:
                guard isControl(scalar) else {
                    text.unicodeScalars.append(scalar)
                    continue
                }
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return text
    }

    private static func isControl(_ scalar: UnicodeScalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
