// `agent.events`: what has happened at an agent since the relay asked last. The relay keeps this
// call open on every tunnel; the agent answers it when something happens. Invariant: an event's
// number says its place in the order, and what is read is bounded.
public import JSON

/// The arguments of `agent.events`.
public struct AskEvents: CallArguments {
    /// The number of the last event that the relay knows of this process; nil if it knows none.
    public var after: Int?
    /// The kinds of events that the relay wants; nil: all.
    public var kinds: Set<AgentEvent.Kind>?

    private static let after = Field.count(
        "after",
        "The last of the last answer by this process of the agent (its epoch.boot); absent if there "
            + "was none: the answer then comes at once, says missed, and has no events but facts that "
            + "are newer than the hello's."
    ).optional

    private static let kinds = Field.texts(
        "kinds", atMost: 32,
        "The kinds of events that are wanted; others are neither numbered nor kept. A kind that the "
            + "agent does not know is ignored. Absent: all."
    ).optional

    /// Asks for what has happened after an event.
    public init(after: Int?, kinds: Set<AgentEvent.Kind>? = nil) {
        (self.after, self.kinds) = (after, kinds)
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        after = try fields[Self.after]
        kinds = try fields[Self.kinds].map { Set($0.compactMap(AgentEvent.Kind.init(rawValue:))) }
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.after, after)
        members.put(Self.kinds, kinds?.map(\.rawValue).sorted())
        return members.json
    }

    /// How long an answer may take: an agent that is asked and never answers is asked no more.
    public static let time = Duration.seconds(3600)

    static let row = MethodRow(
        does:
            "waits until something has happened at the agent, and says what: the relay keeps this "
            + "call open",
        deadline: Deadline(time), changesTargets: false,
        arguments: [after.declaration, kinds.declaration], result: AgentEvents.members)
}

/// The result of `agent.events`.
public struct AgentEvents: Sendable, Equatable {
    /// What has happened, in order.
    public var events: [AgentEvent]
    /// The number to ask after next.
    public var last: Int
    /// Whether what has happened before `last` is not all known any more.
    public var isMissed: Bool

    /// The most bytes of an answer: one of a few hundred events, or of the longest facts.
    public static let bytes = 64 << 10

    private static let list = Field.objects(
        "events", AgentEvent.members,
        "What has happened, in order. A later event about the same thing may stand for earlier "
            + "ones, which are left out; members and kinds that are not known are ignored."
    ).or([])
    private static let last = Field.count("last", "The number to ask after next.")
    private static let missed = Field.flag(
        "missed",
        "Events up to last are not known any more: ask by other calls how things are now."
    ).or(false)

    static let members = [list.declaration, last.declaration, missed.declaration]

    /// An answer.
    public init(_ events: [AgentEvent] = [], last: Int, isMissed: Bool = false) {
        (self.events, self.last, self.isMissed) = (events, last, isMissed)
    }

    /// Reads an answer to a question `after` a number; throws a sentence if it breaks the contract.
    public init(_ fields: Fields, after: Int?) throws(Fault) {
        last = try fields[Self.last]
        isMissed = try fields[Self.missed]
        events = []
        var number = after ?? 0
        for json in try fields[Self.list] {
            let next = try AgentEvent.number(of: json)
            guard next > number, next <= last else {
                throw Fault(.internal, "event \(next) is out of order")
            }
            number = next
            if let event = try AgentEvent(json) { events.append(event) }
        }
        guard last >= after ?? 0 || isMissed else {
            throw Fault(.internal, "the answer to \(after ?? 0) goes back to \(last)")
        }
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.list, events.map(\.json))
        members.put(Self.last, last)
        members.put(Self.missed, isMissed)
        return members.json
    }
}
