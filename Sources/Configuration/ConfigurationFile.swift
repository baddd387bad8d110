// Configuration files: `Keyword value` lines as in sshd_config, with quotes and comments.
// Invariant: a line that is not understood is an error with its number, never skipped.
internal import Spelling

/// The lines of a configuration file, split into words.
struct ConfigurationFile {
    struct Line {
        let number: Int
        let keyword: String
        let values: [String]
    }

    /// Larger texts are refused: nobody writes such a file by hand.
    static let sizeLimit = 1 << 20

    var lines: [Line] = []

    init(_ text: String, path: String) throws(ConfigurationError) {
        guard text.utf8.count <= Self.sizeLimit else {
            throw .badLine(file: path, line: 1, reason: "the file is larger than 1 MiB")
        }
        var number = 0
        for row in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            var words = try Self.words(row, path: path, line: number)
            guard let keyword = words.first else { continue }
            words.removeFirst()
            guard !words.isEmpty else {
                throw .badLine(file: path, line: number, reason: "'\(keyword)' needs a value")
            }
            lines.append(Line(number: number, keyword: keyword, values: words))
        }
    }

    /// The words of one line: quotes join, `\` escapes inside them, `#` starts a comment.
    private static func words(
        _ row: Substring, path: String, line: Int
    ) throws(ConfigurationError) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var characters = row[...]
        while let character = characters.popFirst() {
            switch character {
            case "\"":
                isQuoted.toggle()
                word = word ?? ""
            case "\\" where isQuoted:
                guard let next = characters.popFirst() else { break }
                if next != "\"" && next != "\\" { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(next)
            case "#" where !isQuoted && word == nil: return words
            case " " where !isQuoted, "\t" where !isQuoted, "=" where !isQuoted && words.isEmpty:
                if let done = word { words.append(done) }
                word = nil
            case "=" where !isQuoted && words.count == 1 && word == nil: continue
            default: word = (word ?? "") + String(character)
            }
        }
        guard !isQuoted else {
            throw .badLine(file: path, line: line, reason: "a quote is not closed")
        }
        if let word { words.append(word) }
        return words
    }
}

extension Program {
    /// The options with a configuration file's values below those given by flag and environment.
    public func reading(
        file text: String, path: String, into options: Options
    ) throws(ConfigurationError) -> Options {
        var result = options
        var open: Int?
        for line in try ConfigurationFile(text, path: path).lines {
            let keyword = line.keyword.lowercased()
            if let opener = fileBlocks.keys.first(where: { $0.lowercased() == keyword }) {
                result.fileBlocks.append(
                    Options.Block(keyword: opener, names: line.values, options: Options()))
                // A block without settings is its one line.
                open = fileBlocks[opener]?.isEmpty == false ? result.fileBlocks.count - 1 : nil
            } else if let last = open {
                let block = result.fileBlocks[last]
                try add(
                    line, to: &result.fileBlocks[last].options, path: path,
                    known: fileBlocks[block.keyword] ?? [])
            } else {
                try add(line, to: &result, path: path, known: fileSettings)
            }
        }
        return result
    }

    private func add(
        _ line: ConfigurationFile.Line, to options: inout Options, path: String, known: [Setting]
    ) throws(ConfigurationError) {
        let allowed = known.filter { !$0.isFlagOnly }
        let keyword = line.keyword.lowercased()
        guard let setting = allowed.first(where: { $0.keyword.lowercased() == keyword }) else {
            throw .unknownKeyword(
                line.keyword, file: path, line: line.number,
                nearest: Nearest.match(line.keyword, in: allowed.map(\.keyword)))
        }
        let place = "\(path) line \(line.number)"
        for value in line.values { try setting.check(value, place: place) }
        if setting.isList {
            options.file[setting.name, default: []] += line.values.flatMap(split)
            return
        }
        guard line.values.count == 1 else {
            throw .badLine(
                file: path, line: line.number,
                reason: "\(setting.keyword) takes one value; put quotes round one with spaces")
        }
        guard options.file[setting.name] == nil else {
            throw .badLine(
                file: path, line: line.number, reason: "\(setting.keyword) is set twice")
        }
        options.file[setting.name] = line.values
    }
}
