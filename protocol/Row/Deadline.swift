// How long the relay waits for a call's reply: what the call itself asks to wait, and time for the
// way there and back. Pure.

/// The time within which a call must be answered.
public struct Deadline: Sendable {
    private let base: Duration
    private let waits: [Field<Duration>]
    private let more: (argument: String, time: Duration)?

    /// `base`, the time that the arguments `waits` ask for, and more when an argument is given.
    public init(
        _ base: Duration, plus waits: [Field<Duration>] = [],
        with more: (argument: String, time: Duration)? = nil
    ) {
        self.base = base
        self.waits = waits
        self.more = more
    }

    /// The time for a call with these arguments.
    public func time(for fields: Fields) throws(Fault) -> Duration {
        var time = base
        for wait in waits { time += try fields[wait] }
        if let more, fields.has(more.argument) { time += more.time }
        return time
    }

    /// As the protocol's table shows it, in seconds: `wait_s + 15`.
    public var text: String {
        var parts = waits.map { "`\($0.name)`" } + ["\(base.components.seconds)"]
        if let more { parts.append("\(more.time.components.seconds) with `\(more.argument)`") }
        return parts.joined(separator: " + ")
    }
}
