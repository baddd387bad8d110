// Regular expressions over lines: what they find, what they refuse, and that no pattern is slow.
import Testing

@testable import Terminal

@Suite struct LinePatternTests {
    private func finds(_ pattern: String, _ line: String) throws -> Bool {
        var matcher = LineMatcher(try LinePattern(pattern))
        return matcher.finds(in: Array(line.utf8)[...]) || matcher.findsAtEnd()
    }

    static let found: [(String, String)] = [
        ("b", "abc"), ("^abc$", "abc"), ("a.c", "xaéc"), ("a|b", "xb"), ("^(a|bc)+$", "abcbca"),
        ("[a-c]+x", "..bcx"), ("[^a-c]", "abcd"), ("\\d{3}", "a123"), ("^\\d{2,}$", "1234"),
        ("^a{0,2}$", ""), ("^a{2}$", "aa"), ("x{,3}", "x{,3}"), ("{", "{"), ("a{x}", "a{x}"),
        ("\\$ $", "root@host:~$ "), ("\\bfoo\\b", "a foo."), ("\\Boo", "foo"),
        ("(?i)ERRor", "eRRor"),
        ("(?i)[a-c]É", "Bé"), ("a(?i:x)", "ax"), ("(?<n>a)(?:b)(?P<m>c)", "abc"),
        ("\\x41\\u00e9", "Aé"),
        ("\\x{1f642}", "🙂"), ("[[:alpha:]_]+1", "a_1"), ("[]a]", "]"), ("[a-]", "-"),
        ("[\\d.]+z", "1.2z"),
        ("^$", ""), ("a*?b", "aab"), ("a+?b", "aab"), ("", "x"), ("\\.", "."), ("\\tx", "\tx"),
        ("[^\\d]x", "ax"), ("(a|)b", "b"), ("(|a)+c", "c"), ("^.*$", "any"), ("é+$", "caféé"),
        ("\\z", ""),
    ].filter { !$0.0.isEmpty }

    @Test(arguments: found)
    func `is found`(pattern: String, line: String) throws {
        #expect(try finds(pattern, line))
    }

    static let missed: [(String, String)] = [
        ("b", "ac"), ("^b", "ab"), ("a$", "ab"), ("^a{2}$", "aaa"), ("\\bfoo\\b", "food"),
        ("[^abc]", "abc"),
        ("Error", "error"), ("a.c", "ac"), ("\\D", "12"), ("^(ab)+$", "aba"), ("(?:(?i)a)B", "ab"),
    ]

    @Test(arguments: missed)
    func `is not found`(pattern: String, line: String) throws {
        #expect(try !finds(pattern, line))
    }

    @Test(arguments: [
        "", "(", ")", "(a", "a)", "[", "[a", "*", "a**", "(*a)", "(?=a)", "(?!a)", "(?<=a)",
        "(?<!a)", "(?>a)",
        "(a)\\1", "\\q", "\\", "a{3,1}", "a{9999}", "[b-a]", "a\\nb", "(?x)a", "[[:nope:]]",
        "\\xzz", "a{1000}{1000}",
        "(((((){1000}){1000}){1000}){1000}){1000}", String(repeating: "(", count: 900), "a++",
        String(repeating: "a", count: 1001), "[\\d-x", "(?<n", "\\x{110000}", "\\ud800",
    ])
    func `is refused with a reason`(pattern: String) {
        #expect(throws: TerminalError.self) { try LinePattern(pattern) }
        do { _ = try LinePattern(pattern) } catch { #expect("\(error)".contains("until")) }
    }

    @Test func `patterns that ruin other engines take linear time`() throws {
        let line = Array(String(repeating: "a", count: 20_000).utf8)
        for pattern in [
            "(a+)+$b", "(a|aa)+b", "(a*)*b", "(.*)(.*)(.*)(.*)[^a]", "a{1,300}b",
            "(a?){100}a{100}b",
        ] {
            var matcher = LineMatcher(try LinePattern(pattern))
            let start = ContinuousClock.now
            let isFound = matcher.finds(in: line[...]) || matcher.findsAtEnd()
            #expect(!isFound)
            #expect(ContinuousClock.now - start < .seconds(20), "\(pattern)")
        }
    }

    @Test func `pieces give what the whole gives, random patterns trap nothing`() throws {
        var state: UInt64 = 42
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let parts = [
            "a", "b", "(", ")", "|", "*", "?", "{2}", "[", "]", "^", "$", ".", "\\b", "é", "-", "+",
            "\\",
        ]
        for _ in 0..<4000 {
            let text = (0...random(12)).map { _ in parts[random(parts.count)] }.joined()
            guard let pattern = try? LinePattern(text) else { continue }
            let line = (0...random(10)).map { _ in ["a", "b", "é", " "][random(4)] }
            var whole = LineMatcher(pattern)
            let isFound = whole.finds(in: Array(line.joined().utf8)[...]) || whole.findsAtEnd()
            var pieces = LineMatcher(pattern)
            var inPieces = line.contains { pieces.finds(in: Array($0.utf8)[...]) }
            inPieces = inPieces || pieces.findsAtEnd()
            #expect(inPieces == isFound, "\(text) on \(line)")
        }
    }
}
