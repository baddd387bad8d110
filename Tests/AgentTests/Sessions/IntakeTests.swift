// Intake alone, on streams as shells send them: whatever the cuts, the same output and the same
// marks.
import Loop
import Terminal
import Testing

@testable import homeline_agent

/// Follows an Intake as a console does, and types the next command at each prompt.
@IO private final class Follower: IntakeListener {
    let intake: Intake
    var state = ShellState()
    var output: [UInt8] = []
    var drawn: [UInt8] = []
    var marks: [String] = []
    var asked = 0
    private let lines: [String]
    private var typed = 0

    init(_ editor: ShellProfile.Editor, typing lines: [String]) {
        intake = Intake(Self.nonce)
        intake.edits(editor)
        state.arm()
        self.lines = lines
    }

    nonisolated static let nonce = Nonce(high: 1, low: 2)
    nonisolated static let inner = Nonce(high: 3, low: 4)

    var listening: Intake.Listening {
        state.isSettingUp ? .setUp : state.isRunning ? .program : .prompt
    }
    func drew(_ bytes: ArraySlice<UInt8>) { drawn += bytes }
    func wrote(_ bytes: ArraySlice<UInt8>) { output += bytes }
    func askedForCursor() { asked += 1 }
    func marked(_ mark: Mark, level: Int) {
        marks.append("\(level) \(mark)")
        intake.passed(mark, endsEcho: false, self)
        _ = state.receive(mark)
        guard case .prompt = mark, state.phase == .ready, typed < lines.count else { return }
        state.start(pieces: false)
        intake.expect(Array((lines[typed] + "\n").utf8))
        typed += 1
    }

    func take(_ chunks: [[UInt8]]) {
        for chunk in chunks { intake.take(chunk, self) }
        intake.finish(self)
    }
}

@Suite struct IntakeTests {
    private static let key = Follower.nonce.text

    private static func mark(_ letter: String, _ fields: String) -> String {
        "\u{1b}]133;\(letter);\(key);\(fields);\(key)\u{7}"
    }
    private static func begun(_ number: Int, maps: Bool = true) -> String {
        "\u{1b}]133;C;\(key);\(number);\(maps ? "\r" : "")\n"
    }

    /// What a shell with a plain terminal sends: set-up, three commands, a background job between.
    private static let plain =
        "Last login\r\n" + mark("D", "0;298;0;/") + "set-up\r\n" + mark("D", "0;0;0;/")
        + " one\r\n" + begun(1) + "a\r\nb\r\r\n\u{1b}[31mred\u{1b}]133;D;0;0;9;/\u{7}"
        + mark("E", "0;1;/x") + mark("D", "0;0;1;/x") + "job done\r\n two\r\n"
        + begun(2, maps: false) + "raw\r\nraw\n" + mark("E", "3;2;/x") + mark("D", "3;3;2;/x")
        + " three\r\n" + begun(3) + "half" + mark("E", "0;3;/x") + mark("D", "0;0;3;/x")

    private static let result =
        "a\nb\r\n\u{1b}[31mred\u{1b}]133;D;0;0;9;/\u{7}job done\nraw\r\nraw\nhalf"

    @IO private static func follow(_ chunks: [[UInt8]]) -> Follower {
        let follower = Follower(.none, typing: [" one", " two", " three"])
        follower.take(chunks)
        return follower
    }

    @Test @IO func `a stream comes out the same however it is cut`() {
        let bytes = Array(Self.plain.utf8)
        let whole = Self.follow([bytes])
        #expect(String(decoding: whole.output, as: UTF8.self) == Self.result)
        #expect(whole.marks.count == 11)
        #expect(
            String(decoding: whole.intake.greeting, as: UTF8.self) == "Last login\r\nset-up\r\n")
        for cut in 1..<bytes.count {
            let parts = Self.follow([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(parts.output == whole.output, "cut at \(cut)")
            #expect(parts.marks == whole.marks, "cut at \(cut)")
            #expect(parts.drawn == whole.drawn, "cut at \(cut)")
        }
        for size in [1, 2, 3, 7, 64] {
            let chunks = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            let parts = Self.follow(chunks)
            #expect(parts.output == whole.output, "chunks of \(size)")
            #expect(parts.marks == whole.marks, "chunks of \(size)")
        }
    }

    /// Over a slow line a CR comes alone, before its LF.
    @Test @IO func `a mark holds nothing of the output before it`() {
        let follower = Follower(.none, typing: [" one"])
        follower.intake.take(Array((Self.mark("D", "0;0;0;/") + "logout\r").utf8), follower)
        #expect(follower.intake.unmapped(Array("/home".utf8)) == Array("/home".utf8))
    }

    @Test @IO func `a secret never comes out, however it is cut`() {
        let stream =
            Self.mark("D", "0;0;0;/") + " one\r\n" + Self.begun(1)
            + "you said hunter-22, hunter-2 and hunter-22" + Self.mark("E", "0;1;/")
        let bytes = Array(stream.utf8)
        for cut in 1..<bytes.count {
            let follower = Follower(.none, typing: [" one"])
            follower.intake.hide(Array("hunter-22".utf8))
            follower.take([Array(bytes[..<cut]), Array(bytes[cut...])])
            let shown = String(decoding: follower.output, as: UTF8.self)
            #expect(shown == "you said [secret], hunter-2 and [secret]", "cut at \(cut)")
            #expect(!String(decoding: follower.drawn, as: UTF8.self).contains("hunter-22"))
        }
    }

    @Test @IO func `the marks of an inner shell and of an outer one are kept apart`() {
        let follower = Follower(.none, typing: [])
        follower.intake.take(Array(Self.mark("D", "0;0;0;/").utf8), follower)
        follower.intake.push(Follower.inner, follower)
        let inner = Self.mark("D", "0;0;0;/in")
            .replacing(Self.key, with: Follower.inner.text)
        follower.intake.take(Array((inner + Self.mark("D", "7;0;0;/out")).utf8), follower)
        #expect(follower.marks.map { $0.prefix(1) } == ["0", "1", "0"])
        follower.intake.keep(1, follower)
        follower.intake.forgetMarks()
        // The inner shell's marks are output from now on.
        follower.intake.take(Array(inner.utf8), follower)
        #expect(follower.marks.count == 3)
        #expect(follower.output.suffix(inner.utf8.count).elementsEqual(inner.utf8))
    }

    @Test @IO func `the question for the cursor is nobody's output`() {
        let follower = Follower(.asksCursor, typing: [])
        follower.intake.take(Array(Self.mark("D", "0;0;0;/").utf8), follower)
        follower.intake.take(Array("\u{1b}[6n".utf8), follower)
        #expect(follower.asked == 1 && follower.output.isEmpty)
    }
}
