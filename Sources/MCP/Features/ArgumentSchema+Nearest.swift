// Whether an unknown name is a known one, misspelt. Pure. Invariant: bounded by the length of the
// names; a name of more than 40 bytes resembles none.
internal import Spelling

extension ArgumentSchema {
    /// The known name that an unknown one probably stands for; nil if it resembles none.
    ///
    /// Either a few edits make it that name, at most one for every three letters, or one of the two
    /// has only words of the other: `timeout` and `timeout_s`, `sessionId` and `session_id`.
    func nearest(to name: String) -> String? {
        guard name.utf8.count <= 40 else { return nil }
        let words = Self.words(of: name)
        guard !words.isEmpty else { return nil }
        var best: (name: String, edits: Int)?
        for (known, _) in properties where known.utf8.count <= 40 {
            let others = Self.words(of: known)
            let isPart = Set(words).isSubset(of: others) || Set(others).isSubset(of: words)
            let edits = Nearest.edits(Self.letters(words), Self.letters(others))
            let allowed = max(1, max(name.utf8.count, known.utf8.count) / 3)
            guard isPart || edits <= allowed, edits < best?.edits ?? .max else { continue }
            best = (known, edits)
        }
        return best?.name
    }

    private static func letters(_ words: [String]) -> [Unicode.Scalar] {
        Array(words.joined(separator: "_").unicodeScalars)
    }

    /// Units of time as names spell them out, and as they are abbreviated.
    private static let units = [
        "sec": "s", "secs": "s", "second": "s", "seconds": "s", "millis": "ms",
        "milliseconds": "ms",
    ]

    /// The words of a name in lower case: of `maxBytes`, `max-bytes` and `max_bytes` the same.
    private static func words(of name: String) -> [String] {
        var words = [""]
        var wasLower = false
        for letter in name {
            let isUpper = letter.isUppercase
            if letter == "_" || letter == "-" || letter == "." || letter == " " {
                words.append("")
            } else {
                if isUpper, wasLower { words.append("") }
                words[words.count - 1] += letter.lowercased()
            }
            wasLower = !isUpper
        }
        return words.filter { !$0.isEmpty }.map { units[$0] ?? $0 }
    }
}
