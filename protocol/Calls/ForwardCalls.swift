// The calls on TCP forwards: `forward.open`, `forward.list`, `forward.close`, and
// `forward.connect`, by which the relay has a connection made that it has accepted.
// Where it stands: a forward is kept by the agent, wherever it listens.
public import JSON

/// Which end of a forward listens, and where its connections go.
public enum ForwardKind: String, Sendable, Hashable, CaseIterable {
    /// Listens at the near end; the target connects to one place.
    case local
    /// Listens at the target; the near end connects to one place.
    case remote
    /// Listens at the near end as a SOCKS5 proxy; the target connects to wherever a client asks.
    case dynamic
}

/// The machine at the near end of a forward.
public enum ForwardSide: String, Sendable, Hashable, CaseIterable {
    /// The agent's machine.
    case agent
    /// The relay's machine.
    case relay
}

/// The arguments of `forward.open`.
public struct OpenForward: CallArguments {
    /// `agent/host`.
    public var target: String
    /// Which end listens.
    public var kind: ForwardKind
    /// The machine at the near end.
    public var side: ForwardSide
    /// The address to listen on, `[ADDRESS:]PORT`.
    public var listen: String
    /// The destination, `HOST:PORT`; nil with `dynamic`.
    public var destination: String?
    /// How to enter the target.
    public var access: TargetAccess

    /// The machine at the near end.
    public static let side = Field<ForwardSide>.choice(
        "at",
        "The near end: the agent's machine, or the relay's."
    ).or(.agent)
    static let kind = Field<ForwardKind>.choice(
        "kind",
        "local: the near end listens, the target connects to \"to\". dynamic: the near "
            + "end is a SOCKS5 proxy, the target connects. remote: the target listens, the "
            + "near end connects to \"to\"."
    ).or(.local)
    /// The address to listen on.
    public static let listen = Field.text(
        "listen",
        "[ADDRESS:]PORT to listen on; port 0: a free one. Beyond loopback, AllowBind "
            + "in agent.conf is needed."
    ).or("127.0.0.1:0")
    static let destination = Field.text(
        "to",
        "The destination HOST:PORT, as the machine that connects sees it; not with "
            + "dynamic."
    ).optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Shared.target]
        kind = try fields[Self.kind]
        side = try fields[Self.side]
        listen = try fields[Self.listen]
        destination = try fields[Self.destination]
        access = try TargetAccess(fields)
    }

    static let row = MethodRow(
        does: "opens a TCP forward",
        // As for a session: reaching the target and logging in.
        deadline: Deadline(.seconds(75)), changesTargets: true,
        arguments: [
            Shared.target.declaration, kind.declaration, side.declaration, listen.declaration,
            destination.declaration,
        ] + TargetAccess.arguments,
        result: ForwardInfo.members,
        tool: ToolRow(
            "forward_open", title: "Open a TCP forward",
            """
            Forwards TCP connections through a target, as ssh -L, -R and -D do. Answers with the \
            address that listens. The destination is tried when the first connection comes: \
            forward_list shows counters and the last error. It stays open until forward_close, the \
            token's end or the agent's.
            """,
            scopes: [.forwards],
            hints: .changes(destructive: false, idempotent: false, atTargets: true),
            routes: routes))

    /// The way to its agent.
    public static let routes: [Route] = [.target(Shared.target.name)]
}

/// A forward, as results show it.
public struct ForwardInfo: Sendable, Equatable {
    /// The handle.
    public var forwardID: String
    /// `agent/host`.
    public var target: String
    /// The label of the principal it belongs to.
    public var owner: String
    /// Which end listens.
    public var kind: ForwardKind
    /// The machine at the near end.
    public var side: ForwardSide
    /// The address it listens on.
    public var listen: String
    /// The destination; nil with `dynamic`.
    public var destination: String?
    /// Connections that are open.
    public var open = 0
    /// Connections that were accepted.
    public var accepted = 0
    /// Connections of which no destination was reached.
    public var failed = 0
    /// Bytes to the destinations.
    public var sent = 0
    /// Bytes from the destinations.
    public var received = 0
    /// Why a connection failed last, or why it does not listen now.
    public var error: String?

    /// The handle.
    public static let forwardID = Field.text("forward_id", "The forward's id.")
    private static let target = Field.text("target", "The target.")
    private static let owner = Field.text("owner", "The name of the token that opened it.")
    private static let kind = Field<ForwardKind>.choice("kind", "Which end listens.")
    private static let side = Field<ForwardSide>.choice("at", "The machine at the near end.")
    private static let listen = Field.text("listen", "The address that listens.")
    private static let destination = Field.text("to", "The destination.").optional
    private static let open = Field.count("open", "Connections that are open.").or(0)
    private static let accepted = Field.count("accepted", "Connections since it was opened.").or(0)
    private static let failed = Field.count(
        "failed", "Connections of which no destination was reached."
    ).or(0)
    private static let sent = Field.count("sent_bytes", "Bytes to the destinations.").or(0)
    private static let received = Field.count("received_bytes", "Bytes from the destinations.").or(
        0)
    private static let error = Field.text(
        "error", "Why a connection failed last, or why it does not listen now."
    ).optional

    static let members = [
        forwardID.declaration, target.declaration, owner.declaration, kind.declaration,
        side.declaration, listen.declaration, destination.declaration, open.declaration,
        accepted.declaration, failed.declaration, sent.declaration, received.declaration,
        error.declaration,
    ]

    /// A forward without connections yet.
    public init(
        forwardID: String, target: String, owner: String, kind: ForwardKind, side: ForwardSide,
        listen: String, destination: String?
    ) {
        (self.forwardID, self.target, self.owner) = (forwardID, target, owner)
        (self.kind, self.side, self.listen) = (kind, side, listen)
        self.destination = destination
    }

    /// Reads a result.
    public init(_ fields: Fields) throws(Fault) {
        forwardID = try fields[Self.forwardID]
        target = try fields[Self.target]
        owner = try fields[Self.owner]
        kind = try fields[Self.kind]
        side = try fields[Self.side]
        listen = try fields[Self.listen]
        destination = try fields[Self.destination]
        open = try fields[Self.open]
        accepted = try fields[Self.accepted]
        failed = try fields[Self.failed]
        sent = try fields[Self.sent]
        received = try fields[Self.received]
        error = try fields[Self.error]
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.forwardID, forwardID)
        members.put(Self.target, target)
        members.put(Self.owner, owner)
        members.put(Self.kind, kind)
        members.put(Self.side, side)
        members.put(Self.listen, listen)
        members.put(Self.destination, destination)
        members.put(Self.open, open)
        members.put(Self.accepted, accepted)
        members.put(Self.failed, failed)
        members.put(Self.sent, sent)
        members.put(Self.received, received)
        members.put(Self.error, error)
        return members.json
    }
}

/// The arguments of `forward.list`.
public struct ListForwards: CallArguments {
    /// Keeps the forwards through this target.
    public var target: String?

    /// The forwards of a list.
    public static let forwards = Field.objects(
        "forwards", ForwardInfo.members, "The forwards, the oldest first.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { target = try fields[Shared.onlyTarget] }

    /// The result.
    public static func json(_ found: [ForwardInfo]) -> JSON {
        var members = Members()
        members.put(forwards, found.map(\.json))
        return members.json
    }

    static let row = MethodRow(
        does: "lists the caller's forwards", deadline: Deadline(.seconds(15)),
        changesTargets: false, arguments: [Shared.onlyTarget.declaration],
        result: [forwards.declaration],
        tool: ToolRow(
            "forward_list", title: "List TCP forwards",
            "Lists your forwards with the address that listens, connections, bytes and the last "
                + "error.",
            scopes: [.forwards], hints: .looks(atTargets: false),
            routes: [.target("target"), .agent("agent"), .each(joining: "forwards")],
            arguments: [Shared.onlyAgent.declaration],
            result: [forwards.declaration, Shared.unanswered.declaration]))
}

/// The arguments of `forward.close`.
public struct CloseForward: CallArguments {
    /// The forward.
    public var forwardID: String
    /// How long open connections may go on.
    public var drain: Duration

    private static let drain = Field.seconds(
        "drain_s", in: 0...50,
        "How long open connections may go on; then they are cut."
    ).or(.zero)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        forwardID = try fields[ForwardInfo.forwardID]
        drain = try fields[Self.drain]
    }

    static let row = MethodRow(
        does: "closes a forward", deadline: Deadline(.seconds(15), plus: [drain]),
        changesTargets: false,
        arguments: [ForwardInfo.forwardID.declaration, drain.declaration],
        result: ForwardInfo.members,
        tool: ToolRow(
            "forward_close", title: "Close a TCP forward",
            "Closes a forward: it stops listening at once, and cuts its connections when drain_s is "
                + "over. Answers with its counters.",
            scopes: [.forwards],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: routes))

    /// The way to its agent.
    public static let routes: [Route] = [.forward(ForwardInfo.forwardID.name)]
}

/// The arguments of `forward.connect`.
public struct ConnectForward: CallArguments {
    /// The forward.
    public var forwardID: String
    /// Where a client of a dynamic forward asks to connect, `HOST:PORT`.
    public var destination: String?

    private static let destination = Field.text(
        "to", "Where a client of a dynamic forward asks to connect, HOST:PORT."
    ).optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        forwardID = try fields[ForwardInfo.forwardID]
        destination = try fields[Self.destination]
    }

    /// The arguments of a connection.
    public static func arguments(_ forwardID: String, _ destination: String?) -> JSON.Object {
        var members = Members()
        members.put(ForwardInfo.forwardID, forwardID)
        members.put(Self.destination, destination)
        return members.json.objectValue ?? [:]
    }

    /// The result.
    public static func json(_ ticket: StreamTicket) -> JSON {
        var members = Members()
        members.put(StreamTicket.field, ticket.text)
        return members.json
    }

    static let row = MethodRow(
        does: "makes a connection of a forward that listens at the relay",
        // A forward at a site that has become read-only is gone.
        deadline: Deadline(.seconds(75)), changesTargets: false,
        arguments: [ForwardInfo.forwardID.declaration, destination.declaration],
        result: [StreamTicket.field.declaration],
        // The rules of the tool that opened it, by the forward's id.
        judgedAs: ToolRow(
            "forward_open", title: "Open a TCP forward", "", scopes: [.forwards],
            hints: .changes(destructive: false, idempotent: false, atTargets: true),
            routes: CloseForward.routes))
}
