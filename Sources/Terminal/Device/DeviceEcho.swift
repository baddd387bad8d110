// Where the echo of a typed line ends in what a device shows behind its prompt: as one line, as
// several where the device's terminal is narrower, or as the line's tail behind a `$` where the
// device scrolls it (IOS). No device's width is asked for or believed.
// Invariant: what differs from the typed line in more than blanks and line ends is output.

/// The echo of one typed line.
public struct DeviceEcho: Sendable {
    /// How far what is shown is that echo.
    public enum Extent: Equatable, Sendable {
        /// It may go on.
        case open
        /// What is shown is output: the device does not echo.
        case none
        /// It ends after this many bytes.
        case ends(Int)
    }

    /// The line without blanks, as a device may break it at one.
    private let typed: String
    /// The fewest characters behind a `$` that show a scrolled line, and not a variable.
    private static let leastTail = 8

    /// The echo of a line, given without its end.
    public init(of line: String) { typed = Self.plain(line) }

    private static func plain(_ text: String) -> String { text.filter { !$0.isWhitespace } }

    /// Judges what was shown since the line was typed.
    public func extent(in shown: ArraySlice<UInt8>) -> Extent {
        var text = ""
        var begin = shown.startIndex
        while let end = shown[begin...].firstIndex(of: 10) {
            let line = Self.plain(CleanText.clean(shown[begin..<end]))
            begin = end + 1
            if isTail(line) { return .ends(begin - shown.startIndex) }
            text += line
            // The prompt may be drawn again before the line.
            if text.hasSuffix(typed) { return .ends(begin - shown.startIndex) }
            guard !text.isEmpty, typed.hasPrefix(text) else { return .none }
        }
        return .open
    }

    /// Whether a shown line is the typed one, scrolled to its end.
    private func isTail(_ line: String) -> Bool {
        // The line may have such signs of its own.
        line.indices.contains { sign in
            guard line[sign] == "$" else { return false }
            let tail = line[line.index(after: sign)...]
            return tail.count >= Self.leastTail && typed.hasSuffix(tail)
        }
    }
}
