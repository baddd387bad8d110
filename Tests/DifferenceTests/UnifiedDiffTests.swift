// A unified diff says what has changed: applied to the old text it gives the new one.
import Support
import Testing

@testable import Difference

@Suite struct UnifiedDiffTests {
    /// Applies a diff to the lines of a text.
    private static func apply(_ diff: String, to old: [String]) -> [String]? {
        var result: [String] = []
        var place = 0
        for line in diff.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("@@ -") {
                let numbers = line.dropFirst(4).prefix { $0 != " " }.split(separator: ",")
                guard let first = Int(numbers[0]) else { return nil }
                let start = numbers.count > 1 && numbers[1] == "0" ? first : first - 1
                guard start >= place, start <= old.count else { return nil }
                result += old[place..<start]
                place = start
            } else if line.hasPrefix("+") {
                result.append(String(line.dropFirst()))
            } else if line.hasPrefix("-") || line.hasPrefix(" ") {
                guard place < old.count, old[place] == line.dropFirst() else { return nil }
                if line.hasPrefix(" ") { result.append(old[place]) }
                place += 1
            }
        }
        return result + old[place...]
    }

    private static func bytes(_ lines: [String]) -> [UInt8] {
        Array(lines.map { $0 + "\n" }.joined().utf8)
    }

    @Test(arguments: [
        ("a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"), ("a\n", "a\n", ""),
        ("", "a\n", "@@ -0,0 +1 @@\n+a\n"), ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
        (
            "a", "b",
            "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        ),
        ("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n", "@@ -4,3 +4,4 @@\n 4\n 5\n 6\n+7\n"),
    ])
    func `a diff is what diff -u shows`(old: String, new: String, expected: String) {
        let diff = UnifiedDiff(Array(old.utf8), Array(new.utf8), limit: 1000)
        #expect(diff.text == expected && !diff.isCut)
    }

    @Test func `applied to the old text it gives the new one`() {
        var seeded = Seeded(state: .random(in: 0 ... .max))
        for _ in 0..<300 {
            let letters = Int.random(in: 1...5, using: &seeded)
            func text() -> [String] {
                (0..<Int.random(in: 0...30, using: &seeded)).map { _ in
                    "\(Int.random(in: 0...letters, using: &seeded))"
                }
            }
            let old = text()
            var new = Bool.random(using: &seeded) ? text() : old
            if !new.isEmpty { new.remove(at: Int.random(in: 0..<new.count, using: &seeded)) }
            let context = Int.random(in: 0...3, using: &seeded)
            let diff = UnifiedDiff(
                Self.bytes(old), Self.bytes(new), context: context, limit: 100_000)
            #expect(Self.apply(diff.text, to: old) == new, "\(old) \(new) \(diff.text)")
            #expect(diff.text.isEmpty == (old == new))
        }
    }

    @Test func `texts that differ in everything cost little, and a long diff is cut`() {
        let old = (0..<3000).map { "old \($0)" }
        let new = (0..<3000).map { "new \($0)" }
        let whole = UnifiedDiff(Self.bytes(old), Self.bytes(new), limit: 1_000_000)
        #expect(Self.apply(whole.text, to: old) == new && !whole.isCut)
        let cut = UnifiedDiff(Self.bytes(old), Self.bytes(new), limit: 500)
        #expect(cut.isCut && cut.text.utf8.count < 600)
    }
}
