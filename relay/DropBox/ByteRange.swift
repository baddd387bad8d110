// Which part of a file an HTTP client asks for or sends (RFC 9110 §14). Pure.
// Invariant: what is not understood is not a range, and no number that a client sends overflows.

/// A part of a file that is asked for.
enum ByteRange: Equatable, Sendable {
    /// All of it: nothing else was asked for, or several parts, which may be ignored.
    case whole
    /// These bytes, of which there is at least one.
    case part(Range<Int>)
    /// The file ends before the part begins.
    case unsatisfiable

    /// What a `Range` header asks for of a file with `size` bytes and this entity tag.
    ///
    /// `condition` is the `If-Range` header: the tag, or else the whole file is sent.
    init(_ header: String?, condition: String?, size: Int, tag: String) {
        self = .whole
        guard let header, condition ?? tag == tag, let range = Self.bounds(header) else { return }
        switch range {
        case (nil, let count?):
            self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
        case (let first?, let last):
            guard first < size else {
                self = .unsatisfiable
                return
            }
            // A range whose last byte comes before its first one is none (§14.1.1).
            if let last, last < first { return }
            self = .part(first..<(last.map { min($0, size - 1) + 1 } ?? size))
        case (nil, nil): return
        }
    }

    /// The numbers of `bytes=FIRST-LAST`; nil: it is something else.
    private static func bounds(_ header: String) -> (first: Int?, last: Int?)? {
        guard header.prefix(6).lowercased() == "bytes=" else { return nil }
        let parts = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let numbers = parts.map { part in part.isEmpty ? nil : number(part) }
        for (part, number) in zip(parts, numbers) where !part.isEmpty && number == nil {
            return nil
        }
        return (numbers[0], numbers[1])
    }

    /// A number of up to 18 digits, which an Int holds; a greater one counts as the greatest.
    fileprivate static func number(_ text: Substring) -> Int? {
        let digits = text.drop { $0 == " " }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return digits.utf8.count <= 18 ? Int(digits) : .max
    }
}

/// The place of the bytes of an upload in its file: `bytes FIRST-LAST/TOTAL`.
struct ContentRange: Equatable, Sendable {
    /// The first byte's place.
    let first: Int
    /// How many bytes there are.
    let count: Int
    /// The size of the whole file; nil: the client does not say.
    let total: Int?

    /// Reads the header; nil: it is something else.
    init?(_ header: String) {
        guard header.prefix(6).lowercased() == "bytes " else { return nil }
        let halves = header.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = ByteRange.number(ends[0]),
            let last = ByteRange.number(ends[1]), last >= first, last < .max
        else { return nil }
        let total = halves[1] == "*" ? nil : ByteRange.number(halves[1])
        guard halves[1] == "*" || total.map({ $0 > last }) == true else { return nil }
        (self.first, count, self.total) = (first, last - first + 1, total)
    }
}
