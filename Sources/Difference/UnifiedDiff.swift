// The difference of two texts, line by line, in the unified format of diff(1). Pure.
// Invariant: the work and the memory are bounded, whatever the texts: with many changes the
// difference is right but not the shortest, and with too many lines there is none (`isCut`).

/// A unified diff.
public struct UnifiedDiff: Sendable, Equatable {
    /// The diff without the lines that name the files; empty if the texts are equal.
    public private(set) var text = ""
    /// Whether hunks were left out, because the diff would be too long.
    public private(set) var isCut = false

    /// Compares texts; `context`: how many equal lines to show around a change; `limit`: about how
    /// many bytes the diff may have.
    public init(_ old: [UInt8], _ new: [UInt8], context: Int = 3, limit: Int) {
        guard old.count(where: { $0 == 10 }) + new.count(where: { $0 == 10 }) <= Self.mostLines
        else {
            isCut = old != new
            return
        }
        let (before, after) = (Self.lines(old), Self.lines(new))
        let changes = Self.changes(before, after)
        var place = 0
        while place < changes.count {
            // Changes whose context touches go into one hunk.
            var last = place
            while last + 1 < changes.count,
                changes[last + 1].old.lowerBound - changes[last].old.upperBound <= 2 * context
            {
                last += 1
            }
            guard text.utf8.count < limit else {
                isCut = true
                break
            }
            add(changes[place...last], before, after, context, limit)
            place = last + 1
        }
    }

    private typealias Line = ArraySlice<UInt8>
    /// Lines that are replaced by others; one of the two may be empty.
    private typealias Change = (old: Range<Int>, new: Range<Int>)

    private mutating func add(
        _ changes: ArraySlice<Change>, _ old: [Line], _ new: [Line], _ context: Int, _ limit: Int
    ) {
        guard let first = changes.first, let last = changes.last else { return }
        let start = max(0, first.old.lowerBound - context)
        let lead = first.old.lowerBound - start
        let end = min(old.count, last.old.upperBound + context)
        let newStart = first.new.lowerBound - lead
        let newEnd = last.new.upperBound + end - last.old.upperBound
        text += "@@ -\(Self.range(start..<end)) +\(Self.range(newStart..<newEnd)) @@\n"
        var place = start
        for change in changes {
            show(" ", old[place..<change.old.lowerBound], limit)
            show("-", old[change.old], limit)
            show("+", new[change.new], limit)
            place = change.old.upperBound
        }
        show(" ", old[place..<end], limit)
    }

    private mutating func show(_ sign: String, _ lines: ArraySlice<Line>, _ limit: Int) {
        for line in lines {
            guard text.utf8.count < limit else {
                isCut = true
                return
            }
            text += sign + String(decoding: line.prefix(limit), as: UTF8.self)
            if line.last != 10 { text += "\n\\ No newline at end of file\n" }
        }
    }

    private static func range(_ lines: Range<Int>) -> String {
        let first = lines.isEmpty ? lines.lowerBound : lines.lowerBound + 1
        return lines.count == 1 ? "\(first)" : "\(first),\(lines.count)"
    }

    private static func lines(_ text: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 10).map { $0 + 1 } ?? text.count
            lines.append(text[start..<end])
            start = end
        }
        return lines
    }

    /// The changes between lines, in order.
    private static func changes(_ old: [Line], _ new: [Line]) -> [Change] {
        // Equal lines are equal numbers, which are compared fast.
        var numbers: [Line: Int] = [:]
        func number(_ line: Line) -> Int {
            if let known = numbers[line] { return known }
            numbers[line] = numbers.count
            return numbers.count - 1
        }
        let (before, after) = (old.map(number), new.map(number))
        var start = 0
        while start < min(before.count, after.count), before[start] == after[start] { start += 1 }
        var end = 0
        while end < min(before.count, after.count) - start,
            before[before.count - 1 - end] == after[after.count - 1 - end]
        {
            end += 1
        }
        let (left, right) = (
            Array(before[start..<(before.count - end)]), Array(after[start..<(after.count - end)])
        )
        return shortest(left, right).map { change in
            (
                change.old.lowerBound + start..<change.old.upperBound + start,
                change.new.lowerBound + start..<change.new.upperBound + start
            )
        }
    }

    /// The most lines of both texts that are compared, each of which takes about 100 bytes.
    private static let mostLines = 400_000

    /// The most single-line changes of which the fewest are looked for: the work is their number
    /// times that of the lines, and the memory its square, 4 MB.
    private static let depth = 1000

    /// The fewest changes (Myers 1986, the greedy algorithm); one for all if there are too many.
    private static func shortest(_ old: [Int], _ new: [Int]) -> [Change] {
        guard !old.isEmpty, !new.isEmpty else {
            return old.isEmpty && new.isEmpty ? [] : [(0..<old.count, 0..<new.count)]
        }
        // How far each diagonal has come, for each number of changes.
        var reached: [[Int32]] = []
        var far = [Int32](repeating: 0, count: 2 * depth + 3)
        let middle = depth + 1
        for changes in 0...min(depth, old.count + new.count) {
            for diagonal in stride(from: -changes, through: changes, by: 2) {
                let (below, above) = (far[middle + diagonal - 1], far[middle + diagonal + 1])
                let isDown = diagonal == -changes || (diagonal != changes && below < above)
                var x = Int(isDown ? above : below + 1)
                while x < old.count, x - diagonal < new.count, old[x] == new[x - diagonal] {
                    x += 1
                }
                far[middle + diagonal] = Int32(x)
                if x >= old.count, x - diagonal >= new.count {
                    return path(old.count, new.count, changes, reached, far, middle)
                }
            }
            reached.append(Array(far[(middle - changes)...(middle + changes)]))
        }
        return [(0..<old.count, 0..<new.count)]
    }

    /// Follows the way back from the end.
    private static func path(
        _ oldCount: Int, _ newCount: Int, _ changes: Int, _ reached: [[Int32]], _ far: [Int32],
        _ middle: Int
    ) -> [Change] {
        var found: [Change] = []
        var (x, y) = (oldCount, newCount)
        for step in stride(from: changes, to: 0, by: -1) {
            let before = reached[step - 1]
            func at(_ diagonal: Int) -> Int {
                let place = diagonal + step - 1
                return before.indices.contains(place) ? Int(before[place]) : 0
            }
            let diagonal = x - y
            let isDown =
                diagonal == -step || (diagonal != step && at(diagonal - 1) < at(diagonal + 1))
            let from = isDown ? diagonal + 1 : diagonal - 1
            let fromX = at(from)
            let fromY = fromX - from
            let change: Change =
                isDown
                ? (fromX..<fromX, fromY..<fromY + 1) : (fromX..<fromX + 1, fromY..<fromY)
            if let next = found.last, next.old.lowerBound == change.old.upperBound,
                next.new.lowerBound == change.new.upperBound
            {
                found[found.count - 1] = (
                    change.old.lowerBound..<next.old.upperBound,
                    change.new.lowerBound..<next.new.upperBound
                )
            } else {
                found.append(change)
            }
            (x, y) = (fromX, fromY)
        }
        return found.reversed()
    }
}
