// The last line of a text about a command: `[exit 2 · 0.4 s · /etc]`. Pure.
// Invariant: what it says is in the structured result too.
import JSON

/// Short facts in one line.
struct StatusLine {
    private var parts: [String] = []

    /// Adds a fact, if there is one.
    mutating func add(_ part: String?) {
        if let part, !part.isEmpty { parts.append(part) }
    }

    /// Adds the time of the member `duration_ms`.
    mutating func addTime(of members: JSON.Object) {
        if let time = members["duration_ms"]?.intValue { add(Self.time(time)) }
    }

    /// Adds what is to be called next.
    mutating func add(next call: String?) { add(call.map { "next: \($0)" }) }

    /// The line, and a remark on a line of its own.
    func text(note: String? = nil) -> String {
        "[\(parts.joined(separator: " · "))]" + (note.map { "\n[note: \($0)]" } ?? "")
    }

    /// A time as people say it: `3 ms`, `0.4 s`, `75 s`.
    static func time(_ milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<100: return "\(max(0, milliseconds)) ms"
        case ..<10_000:
            let tenths = (milliseconds + 50) / 100
            return "\(tenths / 10).\(tenths % 10) s"
        default: return "\(milliseconds / 1000) s"
        }
    }

    /// An argument as a call has it.
    static func call(_ tool: String, _ arguments: JSON.Object = [:]) -> String {
        arguments.isEmpty ? tool : "\(tool) \(JSON.object(arguments))"
    }
}

extension String {
    /// The text with a line break at its end, if it has any bytes.
    var endingLine: String { isEmpty || hasSuffix("\n") ? self : self + "\n" }
}
