// The screen: what a person would see, for any input in any pieces.
import Foundation
import Terminal
import Testing

@testable import Screen

@Suite struct ScreenTests {
    /// A screen of 20 × 5, its rows down to the last written one, and where the cursor is.
    static func show(_ text: String, columns: Int = 20, rows: Int = 5) -> Screen {
        let screen = Screen(columns: columns, rows: rows)
        screen.feed(text.utf8)
        return screen
    }

    static let cases: [(String, [String])] = [
        ("hello", ["hello"]),
        ("a\r\nb\r\n  c  ", ["a", "b", "  c"]),
        ("a\nb", ["a", " b"]),
        ("10%\r50%\r100%", ["100%"]),
        ("abc\u{8}\u{8}X", ["aXc"]),
        ("\u{1b}[3;5Hx", ["", "", "    x"]),
        ("abc\u{1b}[2J\u{1b}[Hz", ["z"]),
        ("abcdef\u{1b}[1;3H\u{1b}[K", ["ab"]),
        ("abcdef\u{1b}[1;3H\u{1b}[2P", ["abef"]),
        ("abcdef\u{1b}[1;3H\u{1b}[2@", ["ab  cdef"]),
        ("abcdef\u{1b}[1;3H\u{1b}[2X", ["ab  ef"]),
        ("1\r\n2\r\n3\r\n4\r\n5\r\n6", ["2", "3", "4", "5", "6"]),
        ("1\r\n2\r\n3\u{1b}[2H\u{1b}[L", ["1", "", "2", "3"]),
        ("1\r\n2\r\n3\u{1b}[H\u{1b}[M", ["2", "3"]),
        ("1\r\n2\r\n3\r\n4\u{1b}[2;3r\u{1b}[3H\n", ["1", "3", "", "4"]),
        ("1\r\n2\u{1b}[H\u{1b}M0", ["0", "1", "2"]),
        ("012345678901234567890123", ["01234567890123456789", "0123"]),
        ("main\u{1b}[?1049h\u{1b}[Halt", ["alt"]),
        ("main\u{1b}[?1049h\u{1b}[Halt\u{1b}[?1049l!", ["main!"]),
        ("\u{1b}(0lqk\u{1b}(B", ["┌─┐"]),
        ("a-\u{1b}[3b", ["a----"]),
        ("\u{1b}[5bx", ["x"]),
        ("漢字\u{1b}[1;2Hx", [" x字"]),
        ("e\u{301}e\u{301}\u{302}\u{303}\u{304}", ["e\u{301}e\u{301}\u{302}"]),
        ("x\u{1b}]0;title\u{7}y", ["xy"]),
        ("x\u{1b}P1$r0m\u{1b}\\y", ["xy"]),
        ("x\u{1b}#8y", ["xy"]),
        ("abc\u{1b}cnew", ["new"]),
        ("a\u{85}b\u{200b}c", ["abc"]),
        ("\u{1b}[4habc\u{1b}[1;1HX", ["Xabc"]),
        ("a\tb", ["a       b"]),
    ]

    @Test(arguments: cases)
    func `rows are what a person would see, whatever the cuts`(text: String, rows: [String]) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            let screen = Screen(columns: 20, rows: 5)
            screen.feed(bytes[..<cut])
            screen.feed(bytes[cut...])
            var shown = screen.rows
            #expect(shown.count == 5)
            while shown.last == "" { shown.removeLast() }
            #expect(shown == rows, "cut at \(cut)")
        }
    }

    @Test func `cursor, title, size and modes are told`() {
        let screen = Self.show(
            "\u{1b}]2;a b\u{1b}\\\u{1b}[?1049;1h\u{1b}[?1000;1006;2004h\u{1b}[2;4H")
        #expect(screen.cursor == .init(row: 1, column: 3))
        #expect(screen.modes.title == "a b")
        #expect(screen.isAlternate && screen.modes.isAlternate)
        #expect(screen.modes.applicationCursorKeys && screen.modes.bracketsPaste)
        #expect(screen.modes.mouse == .click)
        screen.feed("\u{1b}[?1049l\u{1b}[?1l\u{1b}[?1000l\u{1b}[?2004l".utf8)
        #expect(!screen.isAlternate && screen.modes.names.isEmpty)
        #expect((screen.columns, screen.rowCount) == (20, 5))
    }

    @Test func `invalid UTF-8 shows as Swift repairs it`() {
        for bytes: [UInt8] in [
            [97, 0xff, 98], [0xc3, 0x28], [97, 0xe2, 0x82, 98], [0xed, 0xa0, 0x80, 97],
            [0xf4, 0x90, 0x80, 0x80, 97], [0xc0, 0xaf, 97],
        ] {
            let screen = Screen(columns: 20, rows: 1)
            screen.feed(bytes[...])
            #expect(screen.rows == [String(decoding: bytes, as: UTF8.self)])
        }
    }

    @Test func `another size keeps the rows, the cursor and both screens`() {
        let screen = Self.show("1\r\n2\r\n3\r\n4\r\n5 long line")
        screen.resize(columns: 10, rows: 3)
        #expect(screen.rows == ["3", "4", "5 long lin"])
        #expect(screen.cursor == .init(row: 2, column: 9))
        screen.feed("\r\nnext".utf8)
        #expect(screen.rows == ["4", "5 long lin", "next"])
        screen.feed("\u{1b}[?1049h\u{1b}[2;3r\u{1b}[Halt".utf8)
        screen.resize(columns: 30, rows: 6)
        #expect(screen.rows == ["alt", "", "", "", "", ""])
        screen.feed("\u{1b}[6;1Hend\n\u{1b}[?1049l!".utf8)
        #expect(screen.rows == ["4", "5 long lin", "next!", "", "", ""])
    }

    @Test func `whatever libvterm joins to a character is a mark here`() {
        let screen = Screen(columns: 20, rows: 1)
        var missed: [String] = []
        for value in UInt32(0xa0)..<0x20000 {
            guard let scalar = Unicode.Scalar(value), !ScreenInput.isMark(scalar) else { continue }
            screen.feed("\ra".utf8)
            screen.feed(String(scalar).utf8)
            if screen.cursor.column < 2 { missed.append(String(value, radix: 16)) }
        }
        #expect(missed == [])
    }

    @Test func `marks without end stay two`() {
        let screen = Self.show("a")
        for _ in 0..<10_000 { screen.feed("\u{301}\u{1b}[m\u{302}".utf8) }
        #expect(screen.rows[0] == "a\u{301}\u{302}")
    }

    @Test func `an empty screen costs what its cursor needs`() throws {
        func resident() throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
        }
        var screens = (0..<10).map { _ in Screen(columns: 511, rows: 50) }
        let before = try resident()
        screens += (0..<1000).map { _ in Screen(columns: 511, rows: 50) }
        let each = (try resident() - before) / 1000
        print("an empty screen: \(each) bytes")
        #expect(each < 24 << 10)
        #expect(screens.count == 1010)
    }
}

extension Screen {
    /// Shows text.
    func feed(_ text: String.UTF8View) { feed(Array(text)[...]) }
}
