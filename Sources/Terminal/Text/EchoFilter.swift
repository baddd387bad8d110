// Removes the echo of typed lines, and what a line editor draws, from what arrives at a prompt and
// between it and mark C; anything else there (a background job's output) is kept. Works on whole
// lines, after NewlineMap.
// Invariant: holds back at most one unfinished line of `holdLimit` bytes.

/// Removes the echo of lines that Homeline typed itself.
public struct EchoFilter: Sendable {
    /// The most bytes of an unfinished line that are held back, which bounds memory.
    static let holdLimit = 16384

    private var expected: [[UInt8]] = []  // oldest first, without line ends
    private var endsAtLine = false
    private var line: [UInt8] = []
    private let editor: ShellProfile.Editor

    /// With an editor, everything that arrives while an echo is expected counts as that echo.
    public init(editor: ShellProfile.Editor) { self.editor = editor }

    /// Whether everything may pass: no echo is expected, and no editor draws.
    public var isIdle: Bool { expected.isEmpty && editor != .draws }

    /// Expects the echo of typed lines; `endsAtLine`: no mark will come before their output.
    public mutating func expect(_ typed: [UInt8], endsAtLine: Bool = false) {
        self.endsAtLine = endsAtLine
        // What the editor has drawn so far was the prompt.
        if editor == .draws { line.removeAll(keepingCapacity: true) }
        for part in typed.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
            expected.append(Array(part))
        }
    }

    /// Passes on what is not an echo.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var rest = bytes
        while !rest.isEmpty, !isIdle {
            if !expected.isEmpty, editor != .none {
                guard endsAtLine, let end = rest.firstIndex(of: 10) else { return }
                expected.removeFirst()
                line.removeAll(keepingCapacity: true)
                rest = rest[(end + 1)...]
                continue
            }
            // Never more than may be held, so that the result is the same however the bytes arrive.
            let part = rest.prefix(Self.holdLimit + 1 - line.count)
            if let end = part.firstIndex(of: 10) {
                line.append(contentsOf: part[..<end])
                rest = rest[(end + 1)...]
                passLine(to: &output)
            } else {
                line.append(contentsOf: part)
                rest = rest.dropFirst(part.count)
                if line.count > Self.holdLimit { stop(to: &output) }
            }
        }
        output.append(contentsOf: rest)
    }

    private mutating func passLine(to output: inout [UInt8]) {
        // What an editor draws and ends with a line is output.
        if expected.isEmpty {
            output.append(contentsOf: line)
            output.append(10)
            return line.removeAll(keepingCapacity: true)
        }
        // An editor (or a held CR) may leave a CR before the line's end.
        if line.last == 13 { line.removeLast() }
        if let echo = expected.first, line.count >= echo.count,
            line.suffix(echo.count).elementsEqual(echo)
        {
            output.append(contentsOf: line.dropLast(echo.count))
            expected.removeFirst()
        } else {
            output.append(contentsOf: line)
            output.append(10)
        }
        line.removeAll(keepingCapacity: true)
    }

    /// Stops expecting an echo, as a mark shows that none will come (the terminal's echo was off).
    public mutating func stop(to output: inout [UInt8]) {
        if !expected.isEmpty, editor != .none { line.removeAll() }
        output.append(contentsOf: editor == .draws ? LineFiller.removed(from: line) : line[...])
        line.removeAll(keepingCapacity: true)
        expected.removeAll(keepingCapacity: true)
    }
}
