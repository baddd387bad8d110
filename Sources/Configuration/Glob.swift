// Patterns with `*` and `?`, as access rules and target blocks use them.
// Pure; matching takes time in proportion to text times pattern, whatever the text.

/// Glob patterns.
public enum Glob {
    /// Whether `text` fits `glob`: `*` stands for any run, `?` for one character.
    public static func matches(_ glob: String, _ text: String) -> Bool {
        let glob = Array(glob.utf8)
        let text = Array(text.utf8)
        var place = 0
        var letter = 0
        // The last `*` and where its match ends; only this match ever needs to grow.
        var star: (place: Int, letter: Int)?
        while letter < text.count {
            if place < glob.count, glob[place] == UInt8(ascii: "*") {
                star = (place, letter)
                place += 1
            } else if place < glob.count,
                glob[place] == UInt8(ascii: "?") || glob[place] == text[letter]
            {
                place += 1
                letter += 1
            } else if let last = star {
                star = (last.place, last.letter + 1)
                place = last.place + 1
                letter = last.letter + 1
            } else {
                return false
            }
        }
        return glob[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
