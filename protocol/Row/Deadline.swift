// How long the relay waits for a call's reply: the wait that the call itself asks for, plus the
// time to reach the agent and return. Pure.

/// The time within which a call must be answered.
public struct Deadline: Sendable {
    private let base: Duration
    private let waits: [Field<Duration>]
    private let more: (argument: String, time: Duration)?

    /// The sum of `base`, the times that the arguments `waits` ask for, and more if an argument is
    /// given.
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

    /// The text in the protocol's table, in seconds: `wait_s + 15`.
    public var text: String {
        var parts = waits.map { "`\($0.name)`" } + ["\(base.components.seconds)"]
        if let more { parts.append("\(more.time.components.seconds) with `\(more.argument)`") }
        return parts.joined(separator: " + ")
    }
}
