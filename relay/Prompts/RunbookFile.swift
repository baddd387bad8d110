// Reads a runbook: Markdown with front matter, lines `key: value` between two lines `---`. Pure.
// Invariant: what a file says is used or refused, with the line if there is one; nothing in it is
// passed over.
import Spelling

/// Why a file is not a runbook.
struct RunbookError: Error, Equatable, CustomStringConvertible {
    /// The line, from 1; nil if the reason lies in no line, such as a key that is missing.
    let line: Int?
    /// What is wrong there, and what to write.
    let reason: String

    init(line: Int? = nil, reason: String) { (self.line, self.reason) = (line, reason) }

    var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}

/// The form of runbooks.
struct RunbookFile {
    /// The most arguments of a runbook: what a person would fill in.
    static let mostArguments = 16
    /// The most resources that are read for one.
    static let mostResources = 4
    /// The longest description in bytes.
    static let longestText = 1000

    private enum Key: String, CaseIterable {
        case name, title, description, arguments, resources
    }

    private enum ArgumentKey: String, CaseIterable {
        case name, description, required, complete
        case fallback = "default"
    }

    private var runbook: Runbook
    /// The list that items belong to, and the keys of the argument that is being read.
    private var list: Key?
    private var seen: Set<String> = []
    private var seenOfArgument: Set<String> = []

    /// Reads a file; `name` is the runbook's where the file gives none.
    static func read(_ text: String, named name: String) throws(RunbookError) -> Runbook {
        // CR LF is one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard lines.first == "---" else {
            throw RunbookError(line: 1, reason: "a runbook begins with a line ---")
        }
        guard let end = lines.dropFirst().firstIndex(of: "---") else {
            throw RunbookError(
                line: lines.count, reason: "a line --- must end what the first one began")
        }
        var file = RunbookFile(runbook: Runbook(name: name))
        for at in 1..<end { try file.take(lines[at], at + 1) }
        file.runbook.text = lines[(end + 1)...].joined(separator: "\n").trimmedLines
        try file.check(lines, end)
        return file.runbook
    }

    private init(runbook: Runbook) { self.runbook = runbook }

    // MARK: Lines

    private mutating func take(_ line: Substring, _ number: Int) throws(RunbookError) {
        let body = line.drop { $0 == " " }
        guard !body.isEmpty, !body.hasPrefix("#") else { return }
        guard !body.contains("\t") else {
            throw RunbookError(line: number, reason: "indent with spaces, not with tabs")
        }
        if body.hasPrefix("- ") || body == "-" {
            try takeItem(body.dropFirst().drop { $0 == " " }, number)
        } else if body.startIndex == line.startIndex {
            try takeKey(body, number)
        } else {
            guard list == .arguments, !runbook.arguments.isEmpty else {
                throw RunbookError(
                    line: number, reason: "this line is indented, and belongs to no item")
            }
            try takeMember(body, number)
        }
    }

    private mutating func takeKey(_ line: Substring, _ number: Int) throws(RunbookError) {
        let (key, value) = try Self.pair(line, number)
        guard let known = Key(rawValue: key) else {
            throw Self.unknown(key, Key.allCases.map(\.rawValue), number)
        }
        guard seen.insert(key).inserted else {
            throw RunbookError(line: number, reason: "\"\(key)\" is given twice")
        }
        list = nil
        switch known {
        case .name:
            guard Self.isName(value) else {
                throw RunbookError(
                    line: number,
                    reason: "a name has 1 to 64 of a-z, 0-9, - and _, and begins with a letter or"
                        + " a digit")
            }
            runbook.name = value
        case .title: runbook.title = value.isEmpty ? nil : value
        case .description: runbook.description = value
        case .arguments, .resources:
            guard value.isEmpty else {
                throw RunbookError(
                    line: number, reason: "\"\(key)\" is a list: its items follow, each after - ")
            }
            list = known
        }
    }

    private mutating func takeItem(_ item: Substring, _ number: Int) throws(RunbookError) {
        switch list {
        case .arguments:
            guard runbook.arguments.count < Self.mostArguments else {
                throw RunbookError(
                    line: number, reason: "a runbook has at most \(Self.mostArguments) arguments")
            }
            runbook.arguments.append(Runbook.Argument(name: ""))
            seenOfArgument = []
            try takeMember(item, number)
        case .resources:
            guard runbook.resources.count < Self.mostResources else {
                throw RunbookError(
                    line: number, reason: "a runbook reads at most \(Self.mostResources) resources")
            }
            let uri = try Self.plain(item, number)
            guard uri.hasPrefix("homeline://") else {
                throw RunbookError(line: number, reason: "a resource begins with homeline://")
            }
            runbook.resources.append(uri)
        case .name, .title, .description, nil:
            throw RunbookError(
                line: number, reason: "items belong to \"arguments\" or \"resources\"")
        }
    }

    private mutating func takeMember(_ line: Substring, _ number: Int) throws(RunbookError) {
        let (key, value) = try Self.pair(line, number)
        guard let known = ArgumentKey(rawValue: key) else {
            throw Self.unknown(key, ArgumentKey.allCases.map(\.rawValue), number)
        }
        guard seenOfArgument.insert(key).inserted else {
            throw RunbookError(line: number, reason: "\"\(key)\" is given twice")
        }
        let last = runbook.arguments.count - 1
        switch known {
        case .name:
            guard Self.isVariable(value), !runbook.arguments.contains(where: { $0.name == value })
            else {
                throw RunbookError(
                    line: number,
                    reason: "an argument's name has letters, digits and _, and occurs once")
            }
            runbook.arguments[last].name = value
        case .description: runbook.arguments[last].description = value
        case .required:
            guard value == "true" || value == "false" else {
                throw RunbookError(line: number, reason: "\"required\" is true or false")
            }
            runbook.arguments[last].isRequired = value == "true"
        case .complete:
            guard let kind = Completable(rawValue: value) else {
                let kinds = Completable.allCases.map(\.rawValue).joined(separator: ", ")
                throw RunbookError(line: number, reason: "\"complete\" is one of \(kinds)")
            }
            runbook.arguments[last].completion = kind
        case .fallback: runbook.arguments[last].fallback = value
        }
    }

    // MARK: Parts

    private static func pair(
        _ line: Substring, _ number: Int
    ) throws(RunbookError) -> (key: String, value: String) {
        guard let colon = line.firstIndex(of: ":") else {
            throw RunbookError(line: number, reason: "write key: value")
        }
        let value = line[line.index(after: colon)...]
        guard value.isEmpty || value.hasPrefix(" ") else {
            throw RunbookError(line: number, reason: "a space follows the colon of a key")
        }
        return (
            String(line[..<colon]), try plain(value.drop { $0 == " " }, number)
        )
    }

    /// A value: a text of one line, in quotes or as it is.
    private static func plain(
        _ text: Substring, _ number: Int
    ) throws(RunbookError) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        guard text.utf8.count <= longestText else {
            throw RunbookError(
                line: number, reason: "a value has at most \(longestText) bytes")
        }
        guard let first = text.first else { return "" }
        if first == "\"" || first == "'" {
            guard text.count >= 2, text.last == first else {
                throw RunbookError(line: number, reason: "the quote has no end on this line")
            }
            return String(text.dropFirst().dropLast())
        }
        // What other readers of YAML take for more than a text.
        guard !"[{|>&*!%@`".contains(first) else {
            throw RunbookError(
                line: number, reason: "write the value as one line of text, or in quotes")
        }
        return String(text)
    }

    private static func unknown(
        _ key: String, _ known: [String], _ number: Int
    ) -> RunbookError {
        let near = Nearest.match(key, in: known).map { "did you mean \"\($0)\"?" }
        return RunbookError(
            line: number,
            reason: "there is no key \"\(key.prefix(40))\": "
                + (near ?? "the keys are \(known.joined(separator: ", "))"))
    }

    private static func isName(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count), let first = text.utf8.first,
            isAlphanumeric(first)
        else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 95 }
    }

    private static func isVariable(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { isAlphanumeric($0 | 0x20) || $0 == 95 }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte)
    }

    // MARK: The whole

    private func check(_ lines: [Substring], _ end: Int) throws(RunbookError) {
        guard Self.isName(runbook.name) else {
            throw RunbookError(
                reason: "give it a \"name\": that of the file is no name of a runbook")
        }
        guard !runbook.description.isEmpty else {
            throw RunbookError(reason: "\"description\" is missing: what it is for")
        }
        guard !runbook.text.isEmpty else {
            throw RunbookError(line: end + 1, reason: "no text follows")
        }
        guard runbook.arguments.allSatisfy({ !$0.name.isEmpty }) else {
            throw RunbookError(reason: "an argument has no \"name\"")
        }
        let names = runbook.arguments.map(\.name)
        for (at, line) in lines.enumerated() {
            for place in Runbook.places(in: line) where !names.contains(place) {
                throw RunbookError(
                    line: at + 1, reason: "{{\(place)}} is not one of its arguments")
            }
        }
    }
}

extension String {
    /// The text without empty lines at its ends.
    fileprivate var trimmedLines: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
