// "Did you mean": the known name nearest to a mistyped one.
// Pure. Invariant: `match` looks at 64 letters of a name, so its time is bounded.

/// Finds the known name nearest to a mistyped one.
public enum Nearest {
    /// The name nearest to `typed`, at most a third of the longer word's length in edits away, or
    /// nil.
    public static func match(_ typed: String, in names: some Sequence<String>) -> String? {
        let wanted = Array(typed.lowercased().unicodeScalars.prefix(64))
        var best: (name: String, edits: Int)?
        for name in names {
            let letters = Array(name.lowercased().unicodeScalars.prefix(64))
            let edits = Self.edits(wanted, letters)
            let allowed = max(1, max(wanted.count, letters.count) / 3)
            if edits <= allowed, edits < best?.edits ?? .max { best = (name, edits) }
        }
        return best?.name
    }

    /// The insertions, deletions, replacements and swaps of neighbours between two words.
    ///
    /// Takes time and memory for the product of their lengths, which the caller bounds.
    public static func edits(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var older: [Int] = []
        var previous = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let same = left[row] == right[column]
                var edits = min(
                    previous[column + 1] + 1, current[column] + 1,
                    previous[column] + (same ? 0 : 1))
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    edits = min(edits, older[column - 1] + 1)
                }
                current.append(edits)
            }
            older = previous
            previous = current
        }
        return previous[right.count]
    }
}
