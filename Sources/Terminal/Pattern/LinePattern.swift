// A regular expression for lines of output: from its text to a small program for LineMatcher.
// Constructs that cannot be matched in linear time (back-references, look-around) are refused, so
// that no pattern costs more than its length times that of the text.
// Invariant: a program has at most `programLimit` steps and ends in `match`.

/// A pattern that lines are searched for.
public struct LinePattern: Sendable {
    /// One step of the program.
    enum Step: Sendable {
        case character(CharacterSet)
        case split(Int, Int)
        case jump(Int)
        case check(Place)
        case match
    }

    /// A place between two characters.
    enum Place: Sendable { case lineStart, lineEnd, wordEdge, noWordEdge }

    /// The most characters of a pattern: a longer one is refused.
    public static let textLimit = 1000
    /// The most steps of a program, as one character may cost as many.
    static let programLimit = 1000

    let program: [Step]

    /// How many steps its program has: the most work that one character may cost.
    public var size: Int { program.count }

    /// Reads a pattern; throws `badPattern`.
    public init(_ text: String) throws(TerminalError) {
        guard text.unicodeScalars.count <= Self.textLimit else {
            throw .badPattern("it is longer than \(Self.textLimit) characters")
        }
        guard !text.isEmpty else { throw .badPattern("it is empty") }
        var parser = PatternParser(text)
        let tree = try parser.whole()
        var program: [Step] = []
        var budget = Self.programLimit
        try Self.compile(tree, into: &program, &budget)
        program.append(.match)
        self.program = program
    }

    private static func compile(
        _ node: PatternParser.Node, into program: inout [Step], _ budget: inout Int
    ) throws(TerminalError) {
        // Empty parts add no steps but still take time when they are repeated.
        budget -= 1
        guard budget > 0, program.count < programLimit else {
            throw .badPattern("it repeats too much")
        }
        switch node {
        case .character(let set): program.append(.character(set))
        case .place(let place): program.append(.check(place))
        case .sequence(let nodes): for node in nodes { try compile(node, into: &program, &budget) }
        case .choice(let nodes): try compile(choice: nodes, into: &program, &budget)
        case .repeated(let node, let least, let most):
            for _ in 0..<least { try compile(node, into: &program, &budget) }
            guard let most else {
                let split = program.count
                program.append(.match)
                try compile(node, into: &program, &budget)
                program.append(.jump(split))
                program[split] = .split(split + 1, program.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<max(least, most) {
                splits.append(program.count)
                program.append(.match)
                try compile(node, into: &program, &budget)
            }
            for split in splits { program[split] = .split(split + 1, program.count) }
        }
    }

    private static func compile(
        choice nodes: [PatternParser.Node], into program: inout [Step], _ budget: inout Int
    ) throws(TerminalError) {
        var jumps: [Int] = []
        for (index, node) in nodes.enumerated() {
            let isLast = index == nodes.count - 1
            let split = program.count
            if !isLast { program.append(.match) }
            try compile(node, into: &program, &budget)
            guard !isLast else { break }
            jumps.append(program.count)
            program.append(.match)
            program[split] = .split(split + 1, program.count)
        }
        for jump in jumps { program[jump] = .jump(program.count) }
    }
}
