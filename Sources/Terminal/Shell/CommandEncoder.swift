// Turns any code into lines that can be typed: printable ASCII, at most 900 bytes. One line carries
// the code and its marks; longer code is first collected in a variable, piece by piece.
// Invariant: the shell evaluates exactly the code's bytes, then the sentinel line.

/// The lines that make one shell run commands.
public struct CommandEncoder: Sendable {
    /// The lines for one command: `pieces` are each answered by a prompt, `command` by C and E.
    public struct Lines: Equatable, Sendable {
        /// Lines that collect long code; empty for most commands.
        public var pieces: [[UInt8]]
        /// The line that runs it.
        public var command: [UInt8]
    }

    /// The most bytes of a typed line, its line feed included: busybox ash loses what comes after
    /// about 1,020 bytes.
    public static let lineLimit = 900
    /// The most bytes of code: longer code is refused and belongs in a file.
    public static let codeLimit = 1 << 20
    /// The most pieces that are typed ahead: four lines stay below a canonical terminal's
    /// 4,096 bytes.
    public static let pieceWindow = 4

    private let profile: ShellProfile

    /// An encoder for one kind of shell.
    public init(profile: ShellProfile) { self.profile = profile }

    /// The lines for command `number`; `previous` is the value of `$?` inside it, `arms` sets the
    /// prompts again first, `learns` asks for the exported variables after it.
    public func encode(
        _ code: [UInt8], number: Int, previous: Int, arms: Bool = false, learns: Bool = false
    ) throws(TerminalError) -> Lines {
        guard code.count <= Self.codeLimit else {
            throw .commandTooLong(bytes: code.count, limit: Self.codeLimit)
        }
        guard !code.contains(0) else { throw .commandHoldsNUL }
        let dialect = profile.dialect
        let whole = dialect.closed(code)
        let question = learns ? dialect.learning : ""
        let frame = dialect.frame(
            whole, number: number, previous: previous, arms: arms, learning: question)
        let (head, tail) = (Array(frame.head.utf8), Array((frame.tail + "\n").utf8))
        if let word = dialect.word(whole, limit: Self.lineLimit - head.count - tail.count) {
            return Lines(pieces: [], command: head + word + tail)
        }
        // Each piece is answered by a prompt, so the prompts have to be armed from the first on.
        var pieces = dialect.pieces(whole, limit: Self.lineLimit - 24)
        pieces[0] = Array((arms ? "__p;" : "").utf8) + dialect.emptying.utf8 + pieces[0]
        let run = dialect.frame(
            whole, number: number, previous: previous, arms: false, learning: question)
        return Lines(
            pieces: pieces.map { [32] + $0 + [10] },
            command: Array((run.head + dialect.collected).utf8) + tail)
    }

    /// An empty line, which makes the shell print its prompt.
    public static let emptyLine: [UInt8] = [10]

    /// Arms the prompts of a shell that is known to wait for a command.
    public static let armingLine: [UInt8] = Array(" __p\n".utf8)

    /// Arms the prompts of a shell that waits for a command while no mark has ended command
    /// `number`.
    ///
    /// Its prompt may never show again (`exec 2>&-`): mark E ends the command then.
    public func armingLine(ending number: Int) -> [UInt8] {
        Array(" __p\(profile.dialect.ending(number, ""))\n".utf8)
    }
}
