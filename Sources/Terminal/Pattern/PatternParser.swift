// Reads the text of a regular expression (the syntax common to Perl, Python and ECMAScript) as a
// tree. Invariant: every character of the pattern has a meaning or is refused with its place.

/// A reader of patterns.
struct PatternParser {
    indirect enum Node {
        case character(CharacterSet)
        case place(LinePattern.Place)
        case sequence([Node])
        case choice([Node])
        case repeated(Node, least: Int, most: Int?)
    }

    /// The deepest nesting of groups, which bounds the parser's stack.
    private static let depthLimit = 50
    /// The largest count of a repetition: no program has more steps.
    private static let repeatLimit = 1000

    private let text: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private var foldsCase = false

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    mutating func whole() throws(TerminalError) -> Node {
        let node = try choice()
        guard index == text.count else { throw wrong("\")\" without \"(\"") }
        return node
    }

    private var next: Unicode.Scalar? { index < text.count ? text[index] : nil }

    private func wrong(_ what: String) -> TerminalError {
        .badPattern("\(what), at character \(index + 1)")
    }

    private mutating func take(_ expected: String) -> Bool {
        let scalars = expected.unicodeScalars
        guard text[index...].starts(with: scalars) else { return false }
        index += scalars.count
        return true
    }

    private mutating func choice() throws(TerminalError) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw wrong("groups nested too deep") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(TerminalError) -> Node {
        var nodes: [Node] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let atom = try atom() else { continue }
            nodes.append(try repeats(of: atom))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func repeats(of atom: Node) throws(TerminalError) -> Node {
        var bounds: (Int, Int?)
        if take("*") {
            bounds = (0, nil)
        } else if take("+") {
            bounds = (1, nil)
        } else if take("?") {
            bounds = (0, 1)
        } else if let counted = try count() {
            bounds = counted
        } else {
            return atom
        }
        // Only whether it matches counts, so greedy and lazy are the same.
        if !take("?"), next == "+" || next == "*" { throw wrong("nothing to repeat") }
        return .repeated(atom, least: bounds.0, most: bounds.1)
    }

    /// `{n}`, `{n,}`, `{n,m}`; any other brace is a literal.
    private mutating func count() throws(TerminalError) -> (Int, Int?)? {
        guard next == "{" else { return nil }
        let start = index
        index += 1
        guard let least = number() else {
            index = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = number() }
        guard take("}") else {
            index = start
            return nil
        }
        guard least <= Self.repeatLimit, most ?? least <= Self.repeatLimit, most ?? least >= least
        else { throw wrong("a count from 0 to \(Self.repeatLimit) is expected") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = index
        while let scalar = next, ("0"..."9").contains(scalar), index - start < 6 { index += 1 }
        return Int(String(String.UnicodeScalarView(text[start..<index])))
    }

    /// One element that can be repeated; nil for an option alone (`(?i)`).
    private mutating func atom() throws(TerminalError) -> Node? {
        guard let scalar = next else { return nil }
        switch scalar {
        case "(": return try group()
        case "[": return try bracket()
        case "*", "+", "?": throw wrong("nothing to repeat")
        default: index += 1
        }
        switch scalar {
        case ".": return .character(.all)
        case "^": return .place(.lineStart)
        case "$": return .place(.lineEnd)
        case "\\": return try escape()
        default: return one(scalar)
        }
    }

    private func one(_ scalar: Unicode.Scalar) -> Node {
        var set = CharacterSet([scalar.value...scalar.value])
        if foldsCase { set.foldCase() }
        return .character(set)
    }

    private mutating func group() throws(TerminalError) -> Node? {
        if take("(?i)") {
            foldsCase = true
            return nil
        }
        for look in ["(?=", "(?!", "(?<=", "(?<!", "(?>"] where take(look) {
            throw wrong("\"\(look)\" is not supported")
        }
        let outside = foldsCase
        if take("(?i:") {
            foldsCase = true
        } else if take("(?<") || take("(?P<") {
            while let scalar = next, scalar != ">" { index += 1 }
            guard take(">") else { throw wrong("a group's name without its end") }
        } else if !take("(?:") {
            index += 1
            if next == "?" { throw wrong("this kind of group is not supported") }
        }
        let node = try choice()
        foldsCase = outside
        guard take(")") else { throw wrong("\"(\" without \")\"") }
        return node
    }
}

// MARK: Escapes and brackets

extension PatternParser {
    /// Reads what follows a backslash outside brackets.
    private mutating func escape() throws(TerminalError) -> Node {
        switch next {
        case "b", "B", "A", "z", "Z":
            defer { index += 1 }
            return switch next {
            case "b": .place(.wordEdge)
            case "B": .place(.noWordEdge)
            case "A": .place(.lineStart)
            default: .place(.lineEnd)
            }
        default: break
        }
        switch try escaped() {
        case .set(let set): return .character(set)
        case .scalar(let scalar): return one(scalar)
        }
    }

    private enum Escaped { case scalar(Unicode.Scalar), set(CharacterSet) }

    private mutating func escaped() throws(TerminalError) -> Escaped {
        guard let scalar = next else { throw wrong("a backslash at the end") }
        index += 1
        switch scalar {
        case "d": return .set(.digits)
        case "D": return .set(.digits.negated)
        case "w": return .set(.words)
        case "W": return .set(.words.negated)
        case "s": return .set(.spaces)
        case "S": return .set(.spaces.negated)
        case "t": return .scalar("\t")
        case "n", "r": throw wrong("lines are matched one by one: \"\\\(scalar)\" never matches")
        case "x": return .scalar(try hexadecimal(2))
        case "u": return .scalar(try hexadecimal(4))
        case "1"..."9", "k": throw wrong("back-references are not supported")
        case "a"..."z", "A"..."Z", "0": throw wrong("\"\\\(scalar)\" is not known")
        default: return .scalar(scalar)
        }
    }

    private mutating func hexadecimal(_ length: Int) throws(TerminalError) -> Unicode.Scalar {
        var digits = text[index...].prefix(length)
        var taken = digits.count
        if next == "{", let end = text[index...].prefix(8).firstIndex(of: "}") {
            digits = text[(index + 1)..<end]
            taken = end + 1 - index
        }
        guard let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw wrong("a character's number is expected") }
        index += taken
        return scalar
    }

    private mutating func bracket() throws(TerminalError) -> Node {
        index += 1
        let isNegated = take("^")
        var set = CharacterSet()
        var isFirst = true
        while isFirst || next != "]" {
            isFirst = false
            guard next != nil else { throw wrong("\"[\" without \"]\"") }
            if take("[:") {
                set.add(try named())
                continue
            }
            guard case .scalar(let low) = try member() else { continue }
            guard next == "-", index + 1 < text.count, text[index + 1] != "]" else {
                set.add(low.value...low.value)
                continue
            }
            index += 1
            guard case .scalar(let high) = try member(), low.value <= high.value else {
                throw wrong("a range that ends before it begins")
            }
            set.add(low.value...high.value)
        }
        index += 1
        if foldsCase { set.foldCase() }
        return .character(isNegated ? set.negated : set)

        func member() throws(TerminalError) -> Escaped {
            guard let scalar = next else { throw wrong("\"[\" without \"]\"") }
            index += 1
            guard scalar == "\\" else { return .scalar(scalar) }
            let found = try escaped()
            if case .set(let inner) = found { set.add(inner) }
            return found
        }
    }

    /// `[:alpha:]` and the like.
    private mutating func named() throws(TerminalError) -> CharacterSet {
        let names: [(String, CharacterSet)] = [
            ("alpha", .init([65...90, 97...122])), ("digit", .digits), ("space", .spaces),
            ("alnum", .init([48...57, 65...90, 97...122])), ("upper", .init([65...90])),
            ("lower", .init([97...122])), ("xdigit", .init([48...57, 65...70, 97...102])),
            ("punct", .init([33...47, 58...64, 91...96, 123...126])), ("word", .words),
            ("blank", .init([9...9, 32...32])),
        ]
        for (name, set) in names where take("\(name):]") { return set }
        throw wrong("this character class is not known")
    }
}
