// Scans ssh_config files for the host names they introduce (`Host a b`), which ssh itself cannot
// list, for the keys they name, and for changes. It reads through a closure and is otherwise pure.
// Invariant: at most 16 levels of Include, 200 files, 5,000 names and as many keys.

/// Collects the aliases of ssh_config files, in their order, and a fingerprint of the files.
struct ConfigurationScanner {
    /// A file's text; nil if it cannot be read.
    let read: (String) -> String?
    /// The files that match a pattern.
    let glob: (String) -> [String]
    /// Where relative includes and `~` begin.
    let home: String
    private(set) var names: [String] = []
    /// The key files that the files name (`IdentityFile`), as they are written.
    private(set) var keys: [String] = []
    /// The lists of known_hosts files, as they are written: ssh prints them without their quotes.
    private(set) var fileLists: [[String]] = []
    /// The values of `HostName`, by which a search may find a name.
    private(set) var hostNames: Set<String> = []
    /// Whether ssh's answer may change while the files do not (`Match exec`), or files were left
    /// out.
    private(set) var isDynamic = false
    private var contents = Hasher()
    private var seen: Set<String> = []
    /// The files that were read, and those that were asked for and are not there.
    private(set) var paths: [String] = []
    private var files = 0

    init(home: String, read: @escaping (String) -> String?, glob: @escaping (String) -> [String]) {
        self.home = home
        self.read = read
        self.glob = glob
    }

    /// Differs if a file or the list of files has changed; valid only in this process.
    var fingerprint: Int { contents.finalize() }

    /// Adds one file; relative includes in it are looked up in `folder`.
    mutating func scan(_ file: String, folder: String, depth: Int = 0) {
        guard depth <= 16, files < 200 else {
            isDynamic = true
            return
        }
        let text = read(file)
        contents.combine(file)
        paths.append(file)
        contents.combine(text)
        guard let text else { return }
        files += 1
        for line in text.split(whereSeparator: \.isNewline) {
            let words = Self.words(line)
            guard let keyword = words.first?.lowercased() else { continue }
            switch keyword {
            case "host":
                for name in words.dropFirst() where !name.contains(where: { "*?!".contains($0) }) {
                    if names.count < 5000, seen.insert(name).inserted { names.append(name) }
                }
            case "identityfile":
                if let key = words.dropFirst().first, keys.count < 5000 { keys.append(key) }
            case "userknownhostsfile", "globalknownhostsfile":
                if fileLists.count < 5000 { fileLists.append(Array(words.dropFirst())) }
            case "hostname":
                if let name = words.dropFirst().first, hostNames.count < 5000 {
                    hostNames.insert(name.lowercased())
                }
            case "include":
                for pattern in words.dropFirst() {
                    for file in glob(path(pattern, folder)) {
                        scan(file, folder: folder, depth: depth + 1)
                    }
                }
            case "match":
                // Programs and networks answer these, not the files.
                isDynamic = isDynamic || words.contains { Self.changing.contains($0.lowercased()) }
            case "canonicalizehostname": isDynamic = true
            default: break
            }
        }
    }

    private static let changing: Set<String> = [
        "exec", "!exec", "localnetwork", "!localnetwork", "canonical", "final",
    ]

    private func path(_ pattern: String, _ folder: String) -> String {
        if pattern.hasPrefix("/") { return pattern }
        if pattern.hasPrefix("~/") { return home + pattern.dropFirst() }
        return "\(folder)/\(pattern)"
    }

    /// `Keyword value value`, `Keyword=value`, quotes of both kinds, `\"`, `\'`, `\\` and `\ `; a
    /// comment has no words.
    static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var hasWord = false
        // One separates a keyword from its arguments; a later one belongs to an argument.
        var hadEquals = false
        var rest = line
        while let character = rest.popFirst() {
            if character == "\\", let next = rest.first,
                "\"'\\".contains(next) || quote == nil && next == " "
            {
                word.append(rest.removeFirst())
                hasWord = true
            } else if character == quote {
                quote = nil
            } else if quote == nil, character == "\"" || character == "'" {
                quote = character
                hasWord = true
            } else if quote == nil
                && (character.isWhitespace
                    || character == "=" && !hadEquals && words.count + (hasWord ? 1 : 0) == 1)
            {
                hadEquals = hadEquals || character == "="
                if hasWord { words.append(word) }
                word = ""
                hasWord = false
            } else if character == "#" && quote == nil && !hasWord {
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
