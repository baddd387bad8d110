// What two patterns have in common, as patterns: rights that hang on two of them are passed on as
// one list. Pure. Invariant: a text that fits a pattern of the result fits both; where the result
// would be too long, some texts that fit both are missing, never the other way round.

extension Glob {
    /// Patterns that together cover what `one` and `other` both cover.
    ///
    /// Two patterns with many stars have very many in common: the search ends at `limit` patterns
    /// and 64 steps for each, and what it has not found counts as not covered.
    public static func intersection(
        _ one: String, _ other: String, limit: Int = 64
    ) -> [String] {
        // Most patterns are names.
        if !isPattern(one) { return matches(other, one) ? [one] : [] }
        if !isPattern(other) { return matches(one, other) ? [other] : [] }
        if one == "*" || one == other { return [other] }
        if other == "*" { return [one] }
        var search = Search(Array(one.utf8), Array(other.utf8), limit)
        return search.run()
    }

    private static func isPattern(_ text: String) -> Bool {
        text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
    }

    /// All ways to read two patterns side by side.
    private struct Search {
        private static let star = UInt8(ascii: "*")
        private static let any = UInt8(ascii: "?")

        private struct Place: Hashable {
            let one, other: Int
            let prefix: [UInt8]
        }

        private let one, other: [UInt8]
        private let limit: Int
        private var waiting: [Place] = [Place(one: 0, other: 0, prefix: [])]
        private var seen: Set<Place> = []
        private var found: [String] = []

        init(_ one: [UInt8], _ other: [UInt8], _ limit: Int) {
            (self.one, self.other, self.limit) = (one, other, limit)
        }

        mutating func run() -> [String] {
            var steps = 64 * limit
            while let place = waiting.popLast(), found.count < limit, steps > 0 {
                steps -= 1
                guard seen.insert(place).inserted else { continue }
                advance(place)
            }
            return found
        }

        private mutating func advance(_ place: Place) {
            let (left, right) = (one[place.one...], other[place.other...])
            if left.isEmpty, right.isEmpty {
                let text = String(decoding: place.prefix, as: UTF8.self)
                if !found.contains(text) { found.append(text) }
                return
            }
            switch (left.first == Self.star, right.first == Self.star) {
            case (true, true):
                // Both stars go on, until one of them ends.
                let prefix = place.prefix.last == Self.star ? place.prefix : place.prefix + [42]
                add(place.one + 1, place.other, prefix)
                add(place.one, place.other + 1, prefix)
            case (true, false):
                // The star is empty from here, or takes what the other one has next.
                add(place.one + 1, place.other, place.prefix)
                if let next = right.first {
                    add(place.one, place.other + 1, place.prefix + [next])
                }
            case (false, true):
                add(place.one, place.other + 1, place.prefix)
                if let next = left.first { add(place.one + 1, place.other, place.prefix + [next]) }
            case (false, false):
                guard let next = left.first, let same = right.first,
                    next == same || next == Self.any || same == Self.any
                else { return }
                add(place.one + 1, place.other + 1, place.prefix + [next == Self.any ? same : next])
            }
        }

        private mutating func add(_ one: Int, _ other: Int, _ prefix: [UInt8]) {
            waiting.append(Place(one: one, other: other, prefix: prefix))
        }
    }
}
