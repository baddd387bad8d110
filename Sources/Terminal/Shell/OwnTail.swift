// What the end of a command's output shows of the line typed here: the sentinel line, which a shell
// that traces prints (`set -v`, mksh's `set -x`, `fish_trace`, tcsh's `echo`), and which an
// unfinished here-document takes in. Console leaves it out of the output.
// Invariant: only whole lines go, each of them in a form that our own words alone have.

/// Our own words at the end of an output.
public enum OwnTail {
    /// The most bytes that they take: ten lines of a trace.
    public static let limit = 512

    /// The number of bytes at the end of `output` that are our own.
    ///
    /// `takesSentinel`: an unfinished here-document may have taken in the sentinel line: two line
    /// feeds, `__s=…`, and the line feed that bash adds.
    public static func count(in output: ArraySlice<UInt8>, takesSentinel: Bool) -> Int {
        var rest = output
        var kept = output
        while let line = lastLine(of: rest) {
            let text = Substring(decoding: line, as: UTF8.self)
            let before = rest[..<line.startIndex]
            // The terminal's echo of a Ctrl-C has no line of its own.
            let echo = line.starts(with: Array("^C".utf8)) ? 2 : 0
            if isSource(text, bare: takesSentinel) {
                kept = before
                // The line feed that ends the code's last line belongs to the here-document.
                if kept.last == 10, kept.dropLast().last == 10 || kept.count == 1 {
                    kept = kept.dropLast()
                }
                break
            }
            guard isTrace(text) || fillers.contains(where: { trace(text) == $0 }) else { break }
            if isTrace(text) { kept = rest[..<(line.startIndex + echo)] }
            rest = before
        }
        return output.count - kept.count
    }

    private static func lastLine(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !bytes.isEmpty else { return nil }
        let body = bytes.last == 10 ? bytes.dropLast() : bytes
        return bytes[((body.lastIndex(of: 10) ?? (bytes.startIndex - 1)) + 1)...]
    }

    /// The most bytes of a sentinel line: zsh's has 165, and where `$_` is expanded, it has any
    /// length.
    private static let sentinelLimit = 400

    /// The sentinel line as it is typed, or as a here-document expands it.
    private static func isSource(_ line: Substring, bare: Bool) -> Bool {
        let text = line.last == "\n" ? line.dropLast() : line
        let forms = [
            "{ __s=$? __S=", "until __s=$? __S=", "if __m=$? __A=", "__s=$? __S=$_", "{ __d",
            "set -g __s $status",
            "set __s=$status",
        ]
        if forms.contains(where: { text.hasPrefix($0) }) {
            return text.utf8.count <= sentinelLimit
        }
        return bare && text.utf8.count <= sentinelLimit
            && ["if __m=", "{ __s=", "until __s=", "__s=", "set __s=", "set -g __s "].contains(
                where: {
                    text.hasPrefix($0)
                })
    }

    /// A traced statement without what the shell prints before it; nil if it has no such mark.
    private static func trace(_ line: Substring) -> Substring? {
        let text = line.drop { "+-> ^C".contains($0) }
        guard
            text.startIndex > line.startIndex || text.hasPrefix("set ") || text.hasPrefix("unset ")
        else { return nil }
        return text.prefix { $0 != "\n" }
    }

    /// A traced statement of ours.
    private static func isTrace(_ line: Substring) -> Bool {
        guard let text = trace(line) else { return false }
        return words.contains { text.hasPrefix($0) }
    }

    private static let words = [
        "__s=", "__e ", "__p;{ __e ", "__y __j ", "__w=", "set -g __s ", "set -l __u ", "set __s=",
        "set __o=",
        "set __q=",
    ]
    /// Traced statements that anybody may have, so that they go only behind one of ours.
    private static let fillers: [Substring] = [
        "3>&0 ", "set +ax", "set -l fish_trace ''", "unset echo verbose",
    ]
}

extension Substring {
    fileprivate init(decoding bytes: ArraySlice<UInt8>, as encoding: UTF8.Type) {
        self = String(decoding: bytes, as: encoding)[...]
    }
}
