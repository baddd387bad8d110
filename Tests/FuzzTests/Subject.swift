// What is fuzzed: everything that follows a terminal's bytes piece by piece. Each subject takes
// bytes and, between them, events of its own; Driver feeds the same input in different pieces.
// Invariant: a subject's account depends on the input alone, never on how it was cut.
import Support
import Terminal

@testable import Screen

/// Something that follows a stream.
protocol Subject: AnyObject {
    init()
    func feed(_ bytes: ArraySlice<UInt8>)
    /// Something else that happens: typed lines, a new size. Any number has a meaning.
    func event(_ number: UInt64)
    /// All that came of it.
    func account() -> [UInt8]
    /// Whether it keeps all that it is given, as its purpose is.
    static var keepsAll: Bool { get }
}

extension Subject {
    func event(_ number: UInt64) {}
    static var keepsAll: Bool { false }
}

enum Subjects {
    static let all: [any (Subject & SendableMetatype).Type] = [
        Escapes.self, Marks.self, Texts.self, Echoes.self, EchoesOfAsking.self,
        EchoesOfDrawing.self, Newlines.self, Modes.self, Pictures.self,
    ]
    /// Of the shell, and of one inside it.
    static let nonces = [nonce, Nonce(high: 0x0123_4567_89ab_cdef, low: 0)]
    static let nonce = Nonce(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
}

/// EscapeParser.
final class Escapes: Subject {
    private var parser = EscapeParser()
    private var seen: [UInt8] = []

    func feed(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            switch parser.take(byte) {
            case .text(let byte)?: seen += [1, byte]
            case .control(let byte)?: seen += [2, byte]
            case .sequence?: seen += [3] + parser.body + [3]
            case nil: break
            }
            precondition(parser.unfinished.count < 600, "too much is held back")
        }
    }
    func account() -> [UInt8] { seen + [0] + parser.unfinished }
}

/// MarkScanner, and the ShellState that follows its marks; events start commands and inner shells.
final class Marks: Subject {
    private var scanner = MarkScanner(nonce: Subjects.nonce)
    private var state: ShellState = {
        var state = ShellState()
        state.arm()
        return state
    }()
    private var seen: [UInt8] = []
    private var levels = 1
    private var started = 0
    private var finished = 0

    func feed(_ bytes: ArraySlice<UInt8>) { scanner.scan(Array(bytes), follow) }

    private func follow(_ piece: MarkScanner.Piece) {
        switch piece {
        case .output(let bytes):
            seen += bytes
        case .outerMark(let mark, let level):
            precondition(level < levels - 1, "no such shell")
            seen += Array("(\(mark) \(level))".utf8)
        case .mark(let mark):
            let action = state.receive(mark)
            if case .finished? = action { finished += 1 }
            precondition(finished <= started, "a command ended twice")
            seen += Array("<\(mark) \(state.phase) \(action.map { "\($0)" } ?? "")>".utf8)
        }
    }
    func event(_ number: UInt64) {
        defer { levels = scanner.levels }
        switch number % 9 {
        case 5: if scanner.levels < MarkScanner.levelLimit { scanner.push(Subjects.nonces[1]) }
        case 6: scanner.keep(Int((number >> 8) % 4))
        case 7: scanner.remove(Int((number >> 8) % 4))
        case 8: state.typed([UInt8](repeating: 13, count: Int(number >> 8) % 2) + [97], at: 0)
        case 0, 1:
            // A session starts a command at the prompt alone.
            guard state.phase == .ready || state.phase == .ending else { return }
            started += 1
            state.start(pieces: number % 9 == 1)
        case 2: state.typedCommand()
        case 3: state.interrupted()
        default: state.suspended()
        }
    }
    func account() -> [UInt8] {
        scanner.finish(follow)
        return seen + Array("\(state)".utf8)
    }
}

/// CleanText, and the places where text may be cut.
final class Texts: Subject {
    private var cleaner = CleanText()

    static var keepsAll: Bool { true }
    func feed(_ bytes: ArraySlice<UInt8>) {
        cleaner.append(bytes)
        for cut in [TextCut.head(bytes), TextCut.tail(bytes), TextCut.whole(bytes)] {
            precondition((0...bytes.count).contains(cut), "a cut is outside")
        }
    }
    func account() -> [UInt8] {
        let bytes = cleaner.finish()
        let text = String(decoding: bytes, as: UTF8.self)
        precondition(Array(text.utf8) == bytes, "not UTF-8")
        let isClean = text.unicodeScalars.allSatisfy {
            $0.value >= 32 && !(127..<160).contains($0.value) || $0 == "\n" || $0 == "\t"
        }
        precondition(isClean, "a control character")
        return bytes
    }
}

/// EchoFilter; events type lines and end the wait for them.
class Echoes: Subject {
    class var editor: ShellProfile.Editor { .none }
    private var filter: EchoFilter
    private var output: [UInt8] = []

    required init() { filter = EchoFilter(editor: Self.editor) }

    func feed(_ bytes: ArraySlice<UInt8>) {
        filter.append(bytes, to: &output)
    }
    func event(_ number: UInt64) {
        switch number % 4 {
        case 0: filter.stop(to: &output)
        case 1: filter.expect(Array("text \(number % 7)\n".utf8), endsAtLine: number % 3 == 0)
        default: filter.expect(Array(" __c='\(number % 3)'\ntext 1\n".utf8))
        }
    }
    func account() -> [UInt8] {
        filter.stop(to: &output)
        return output
    }
}

final class EchoesOfAsking: Echoes {
    override class var editor: ShellProfile.Editor { .asksCursor }
}

final class EchoesOfDrawing: Echoes {
    override class var editor: ShellProfile.Editor { .draws }
}

/// NewlineMap; events switch the terminal's mapping.
final class Newlines: Subject {
    private var map = NewlineMap()
    private var output: [UInt8] = []
    private var taken = 0

    func feed(_ bytes: ArraySlice<UInt8>) {
        map.append(bytes, to: &output)
        taken += bytes.count
        precondition(output.count <= taken, "bytes were made up")
    }
    func event(_ number: UInt64) { map.isMapping.toggle() }
    func account() -> [UInt8] {
        map.finish(to: &output)
        return output
    }
}

/// ModeScanner and PictureRanges.
final class Modes: Subject {
    private var scanner = ModeScanner()
    private var ranges = PictureRanges()
    private var place = 0
    private var draws = false

    func feed(_ bytes: ArraySlice<UInt8>) {
        if scanner.scan(bytes) { draws = true }
        ranges.scan(bytes, at: place)
        place += bytes.count
    }
    func event(_ number: UInt64) {
        guard number % 8 == 0 else { return }
        scanner.reset()
        ranges.leave(at: place)
    }
    func account() -> [UInt8] {
        let parts = ranges.visible(in: 0..<place)
        precondition(parts.count <= 258, "too many ranges")
        return Array("\(scanner.modes) \(scanner.unfinished) \(draws) \(parts)".utf8)
    }
}

/// Screen; events give it other sizes.
final class Pictures: Subject {
    private let screen = Screen(columns: 80, rows: 24)

    func feed(_ bytes: ArraySlice<UInt8>) { screen.feed(bytes) }
    func event(_ number: UInt64) {
        screen.resize(columns: Int(number % 120) + 1, rows: Int((number >> 8) % 50) + 1)
    }
    func account() -> [UInt8] {
        precondition(
            screen.lines.count == screen.rowCount && screen.otherLines.count == screen.rowCount)
        precondition(screen.lines.allSatisfy { $0.count <= screen.columns }, "a row is too long")
        let cursor = screen.cursor
        precondition((0..<screen.rowCount).contains(cursor.row), "the cursor is outside")
        precondition((0..<screen.columns).contains(cursor.column), "the cursor is outside")
        return Array("\(screen.rows) \(cursor) \(screen.modes)".utf8)
    }
}
