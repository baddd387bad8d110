// The host names that ssh_config files introduce (`Host a b`), for listing. ssh itself cannot
// list them. Reads files through a closure, so it is pure but for that.
// Invariant: at most 16 levels of Include, 200 files and 5,000 names.

/// Collects the aliases of ssh_config files, in their order.
struct AliasScanner {
    /// A file's text; nil when it cannot be read.
    let read: (String) -> String?
    /// The files that match a pattern.
    let glob: (String) -> [String]
    /// Where relative includes and `~` begin.
    let home: String
    private(set) var names: [String] = []
    private var seen: Set<String> = []
    private var files = 0

    init(home: String, read: @escaping (String) -> String?, glob: @escaping (String) -> [String]) {
        self.home = home
        self.read = read
        self.glob = glob
    }

    /// Adds the aliases of one file; relative includes in it are looked up in `folder`.
    mutating func scan(_ file: String, folder: String, depth: Int = 0) {
        guard depth <= 16, files < 200, let text = read(file) else { return }
        files += 1
        for line in text.split(whereSeparator: \.isNewline) {
            let words = Self.words(line)
            guard let keyword = words.first?.lowercased() else { continue }
            switch keyword {
            case "host":
                for name in words.dropFirst() where !name.contains(where: { "*?!".contains($0) }) {
                    if names.count < 5000, seen.insert(name).inserted { names.append(name) }
                }
            case "include":
                for pattern in words.dropFirst() {
                    for file in glob(path(pattern, folder)) {
                        scan(file, folder: folder, depth: depth + 1)
                    }
                }
            default: break
            }
        }
    }

    private func path(_ pattern: String, _ folder: String) -> String {
        if pattern.hasPrefix("/") { return pattern }
        if pattern.hasPrefix("~/") { return home + pattern.dropFirst() }
        return "\(folder)/\(pattern)"
    }

    /// `Keyword value value`, `Keyword=value`, quotes; a comment has no words.
    static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var hasWord = false
        for character in line {
            if character == "\"" {
                isQuoted.toggle()
                hasWord = true
            } else if !isQuoted
                && (character.isWhitespace || (character == "=" && words.count < 2))
            {
                if hasWord { words.append(word) }
                word = ""
                hasWord = false
            } else if character == "#" && !isQuoted && !hasWord {
                return words
            } else {
                word.append(character)
                hasWord = true
            }
        }
        if hasWord { words.append(word) }
        return words
    }
}
