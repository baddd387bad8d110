// Takes the echo of typed lines out of what comes between a prompt and mark C; anything else there
// (a background job's output) is kept. Works on whole lines, after NewlineMap.
// Invariant: holds back at most one unfinished line of `holdLimit` bytes.

/// Removes the echo of lines that Homeline typed itself.
public struct EchoFilter: Sendable {
    static let holdLimit = 16384

    private var expected: [[UInt8]] = []  // oldest first, without line ends
    private var line: [UInt8] = []
    private let isExact: Bool

    /// `exact`: the terminal alone echoes; otherwise (a line editor) all is taken for echo.
    public init(exact: Bool) { isExact = exact }

    /// Whether an echo is still to come.
    public var isWaiting: Bool { !expected.isEmpty }

    /// Expects the echo of typed lines.
    public mutating func expect(_ typed: [UInt8]) {
        for part in typed.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
            expected.append(Array(part))
        }
    }

    /// Passes on what is no echo.
    public mutating func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        guard isWaiting else {
            output.append(contentsOf: bytes)
            return
        }
        guard isExact else { return }
        var rest = bytes
        while isWaiting, let end = rest.firstIndex(of: 10) {
            line.append(contentsOf: rest[..<end])
            rest = rest[(end + 1)...]
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
        if isWaiting {
            line.append(contentsOf: rest)
            if line.count > Self.holdLimit { stop(to: &output) }
        } else {
            output.append(contentsOf: rest)
        }
    }

    /// A mark shows that no echo is to come any more (the terminal's echo was off).
    public mutating func stop(to output: inout [UInt8]) {
        output.append(contentsOf: line)
        line.removeAll(keepingCapacity: true)
        expected.removeAll(keepingCapacity: true)
    }
}
