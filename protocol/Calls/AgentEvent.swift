// One thing that has happened at an agent, as `agent.events` reports it. Invariant: two events
// about the same thing have the same subject, so that the later one can stand for both.
public import JSON

/// Something that has happened at an agent.
public struct AgentEvent: Sendable, Equatable {
    /// What kinds of things are reported.
    public enum Kind: String, Sendable, CaseIterable {
        case session, command, link, facts
    }

    /// How far a session is.
    public enum SessionStep: String, Sendable, CaseIterable {
        /// It was opened.
        case opened
        /// Its name, size or idle time was changed.
        case changed
        /// Its shell has ended; its output can still be read.
        case ended
        /// It does not exist any more.
        case closed
    }

    /// How an SSH connection is.
    public enum LinkStep: String, Sendable, CaseIterable {
        /// It was opened.
        case opened
        /// It was lost.
        case lost
        /// The agent closed it.
        case closed
    }

    /// What has happened.
    public enum Matter: Sendable, Equatable {
        /// A session, by its id and the id of the principal that it belongs to.
        case session(String, SessionStep, principal: String)
        /// A command has ended, by its id and the id of its principal.
        case command(String, RunState, principal: String)
        /// A link to a host, as it is written after `agent/`.
        case link(String, LinkStep)
        /// The facts of the machine differ from those before.
        case facts(AgentFacts)

        /// What kind of thing it is about.
        public var kind: Kind {
            switch self {
            case .session: .session
            case .command: .command
            case .link: .link
            case .facts: .facts
            }
        }

        /// What it is about: the same for all events about one thing.
        public var subject: String {
            switch self {
            case .session(let id, _, _), .command(let id, _, _): id
            case .link(let host, _): "link \(host)"
            case .facts: "facts"
            }
        }
    }

    /// Its place in the order, from 1 in each process of the agent.
    public var number: Int
    /// What has happened.
    public var matter: Matter

    private static let number = Field.count(
        "number", "Its place in the order, from 1 in each process of the agent.")
    private static let kind = Field<Kind>.choice("kind", "What it is about.")
    private static let id = Field.text(
        "id", atMost: Contract.nameBytes, "The id of the session or command."
    ).optional
    private static let state = Field.text(
        "state", atMost: Contract.nameBytes,
        "session: opened, changed, ended (its output can be read) or closed. command: the state in "
            + "which it ended, as in the results of commands. link: opened, lost or closed."
    ).optional
    private static let principal = Field.text(
        "principal", atMost: Contract.nameBytes,
        "The id of the principal that the session or command belongs to."
    ).optional
    private static let target = Field.text(
        "target", "link: the target, as it is written after agent/."
    ).optional
    private static let facts = Field.object(
        "facts", AgentFacts.members,
        "facts: the machine, as in agent.hello; something of it has changed."
    ).optional

    static let members = [
        number.declaration, kind.declaration, id.declaration, state.declaration,
        principal.declaration, target.declaration, facts.declaration,
    ]

    /// An event.
    public init(_ number: Int, _ matter: Matter) { (self.number, self.matter) = (number, matter) }

    /// The number of an event of any kind; throws `internal` if it has none.
    static func number(of json: JSON) throws(Fault) -> Int {
        guard let object = json.objectValue else {
            throw Fault(.internal, "an event is not an object")
        }
        return try Fields(object: object)[number]
    }

    /// Reads an event; nil if its kind, its state or its facts are not known.
    init?(_ json: JSON) throws(Fault) {
        let fields = Fields(object: json.objectValue ?? [:])
        number = try fields[Self.number]
        guard let kind = json[Self.kind.name]?.stringValue.flatMap(Kind.init(rawValue:)) else {
            return nil
        }
        let (id, state) = (try fields[Self.id], try fields[Self.state] ?? "")
        let principal = try fields[Self.principal] ?? ""
        switch kind {
        case .session:
            guard let id, let step = SessionStep(rawValue: state) else { return nil }
            matter = .session(id, step, principal: principal)
        case .command:
            guard let id, let state = RunState(rawValue: state) else { return nil }
            matter = .command(id, state, principal: principal)
        case .link:
            guard let host = try fields[Self.target], let step = LinkStep(rawValue: state) else {
                return nil
            }
            matter = .link(host, step)
        case .facts:
            guard let facts = json[Self.facts.name], facts.objectValue != nil else { return nil }
            matter = .facts(AgentFacts(json: facts))
        }
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.number, number)
        switch matter {
        case .session(let id, let step, let principal):
            members.put(Self.kind, .session)
            members.put(Self.id, id)
            members.put(Self.state, step.rawValue)
            members.put(Self.principal, principal)
        case .command(let id, let state, let principal):
            members.put(Self.kind, .command)
            members.put(Self.id, id)
            members.put(Self.state, state.rawValue)
            members.put(Self.principal, principal)
        case .link(let host, let step):
            members.put(Self.kind, .link)
            members.put(Self.target, host)
            members.put(Self.state, step.rawValue)
        case .facts(let facts):
            members.put(Self.kind, .facts)
            members.put(Self.facts, facts.json)
        }
        return members.json
    }
}
