// Searches lines for a pattern: follows all paths through its program at once, so that the time is
// linear in the text. Sets of program places are kept with the set that each character leads to, so
// that most characters cost one table lookup.
// Invariant: the table holds at most `stateLimit` sets; when it is full, it is emptied.

/// A searcher of lines.
public struct LineMatcher: Sendable {
    private enum Before: Sendable { case lineStart, word, other }

    private struct State: Hashable, Sendable {
        var threads: [Int]
        var before: Before
    }

    /// The most sets in the table, which is then emptied: the table has at most 128 KiB.
    private static let stateLimit = 256
    /// The entries per set: one for each ASCII character.
    private static let columns = 128
    /// An entry that has not been computed.
    private static let unknown: Int32 = -1
    /// An entry whose character completes a match.
    private static let matched: Int32 = -2

    private let program: [LinePattern.Step]
    private var states: [State] = []
    private var numbers: [State: Int] = [:]
    private var table: [Int32] = []
    private var current = 0
    /// Which steps were seen in this round.
    private var marks: [Int]
    private var round = 0

    /// A searcher for one pattern.
    public init(_ pattern: LinePattern) {
        program = pattern.program
        marks = Array(repeating: 0, count: program.count)
        begin()
    }

    /// Begins a line.
    public mutating func begin() {
        current = number(of: State(threads: [], before: .lineStart))
    }

    /// Whether the pattern is found in the line so far, including `bytes` (whole UTF-8 characters).
    public mutating func finds(in bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte < 128 {
                var next = table[current * Self.columns + Int(byte)]
                if next == Self.unknown { next = step(Int(byte)) }
                if next == Self.matched { return true }
                current = Int(next)
            } else {
                var (value, more) = Self.lead(byte)
                while more > 0, index < bytes.endIndex, bytes[index] & 0xc0 == 0x80 {
                    value = value << 6 | UInt32(bytes[index] & 0x3f)
                    index += 1
                    more -= 1
                }
                guard let next = follow(states[current], value) else { return true }
                current = number(of: next)
            }
        }
        return false
    }

    /// Whether it is found if the line ends here.
    public mutating func findsAtEnd() -> Bool { follow(states[current], nil) == nil }

    private static func lead(_ byte: UInt8) -> (UInt32, Int) {
        switch byte {
        case 0xf0...: (UInt32(byte & 7), 3)
        case 0xe0...: (UInt32(byte & 15), 2)
        default: (UInt32(byte & 31), 1)
        }
    }

    private mutating func number(of state: State) -> Int {
        if let number = numbers[state] { return number }
        if states.count == Self.stateLimit {
            states = []
            numbers = [:]
            table = []
        }
        let number = states.count
        states.append(state)
        numbers[state] = number
        table += repeatElement(Self.unknown, count: Self.columns)
        return number
    }

    /// The state that an ASCII character leads to from the current one; remembered.
    private mutating func step(_ byte: Int) -> Int32 {
        let from = current
        guard let next = follow(states[from], UInt32(byte)) else {
            table[from * Self.columns + byte] = Self.matched
            return Self.matched
        }
        let wasFull = states.count == Self.stateLimit
        let result = number(of: next)
        // A table that was emptied no longer knows the state.
        if !wasFull || states.count > 1 { table[from * Self.columns + byte] = Int32(result) }
        return Int32(result)
    }

    /// The places after `next` (nil: the line's end); nil: the pattern was found before it.
    private mutating func follow(_ state: State, _ next: UInt32?) -> State? {
        let nextIsWord = next.map(CharacterSet.words.contains) ?? false
        round += 1
        var found: [Int] = []
        var open = state.threads + [0]
        while let place = open.popLast() {
            guard marks[place] != round else { continue }
            marks[place] = round
            switch program[place] {
            case .match: return nil
            case .jump(let target): open.append(target)
            case .split(let first, let second):
                open.append(second)
                open.append(first)
            case .check(let kind):
                let isEdge = (state.before == .word) != nextIsWord
                let holds =
                    switch kind {
                    case .lineStart: state.before == .lineStart
                    case .lineEnd: next == nil
                    case .wordEdge: isEdge
                    case .noWordEdge: !isEdge
                    }
                if holds { open.append(place + 1) }
            case .character(let set):
                if let next, set.contains(next) { found.append(place + 1) }
            }
        }
        return State(threads: found.sorted(), before: nextIsWord ? .word : .other)
    }
}
