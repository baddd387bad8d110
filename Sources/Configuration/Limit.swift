// The limits of a program as a table, for people: `PROGRAM limits`, and the pages that show it.
// Flow: each room's constants → the program's list of limits → text or Markdown.
// Invariant: a row is made from the constant that the code uses, so no number is written twice.

/// One limit of a program: what it bounds, how much, and what happens beyond it.
public struct Limit: Sendable {
    /// What is limited.
    public let what: String
    /// The quantity, with its unit.
    public let value: String
    /// What happens beyond it.
    public let beyond: String

    /// A number of bytes, of which one principal may have `share`.
    public init(_ what: String, bytes: Int, share: Int? = nil, _ beyond: String) {
        let share = share.map { ", of one principal \(Self.text(bytes: $0))" } ?? ""
        self.init(what, value: Self.text(bytes: bytes) + share, beyond)
    }

    /// A number of things, of which one principal may have `share`.
    public init(_ what: String, count: Int, share: Int? = nil, _ beyond: String) {
        let share = share.map { ", of one principal \(Self.grouped($0))" } ?? ""
        self.init(what, value: Self.grouped(count) + share, beyond)
    }

    /// A time.
    public init(_ what: String, time: Duration, _ beyond: String) {
        self.init(what, value: Self.text(time: time), beyond)
    }

    private init(_ what: String, value: String, _ beyond: String) {
        self.what = what
        self.value = value
        self.beyond = beyond
    }

    /// `64 MiB`, `16 KiB`, `1,000,000 B`: in the largest unit that shows the number exactly.
    static func text(bytes: Int) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(grouped(bytes >> shift)) \(unit)"
        }
        return "\(grouped(bytes)) B"
    }

    /// `10 s`, `500 ms`, `4 h`: in the largest unit that shows the time exactly.
    static func text(time: Duration) -> String {
        let milliseconds = Int(time / .milliseconds(1))
        for (unit, size) in [("h", 3_600_000), ("min", 60_000), ("s", 1000)]
        where milliseconds > 0 && milliseconds % size == 0 {
            return "\(grouped(milliseconds / size)) \(unit)"
        }
        return "\(grouped(milliseconds)) ms"
    }

    /// `10,000`.
    private static func grouped(_ number: Int) -> String {
        let digits = String(number)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}

extension [Limit] {
    /// The rows as lines for a terminal.
    public var text: String {
        let width = map(\.what.count).max() ?? 0
        let second = map(\.value.count).max() ?? 0
        return map { row in
            let value = String(repeating: " ", count: second - row.value.count) + row.value
            let gap = String(repeating: " ", count: width - row.what.count + 2)
            return "\(row.what)\(gap)\(value)  \(row.beyond)\n"
        }.joined()
    }

    /// The rows as a table in Markdown.
    public var markdown: String {
        (["| limit | value | beyond it |", "|---|---|---|"]
            + map { "| \($0.what) | \($0.value) | \($0.beyond) |" }).joined(separator: "\n")
    }
}
