// One row of the contract: everything that is declared about a call and about the tool that makes
// it. Where it stands: `Method.row` and `ToolRow.all` list the rows; the agent, the relay and the
// tables of README.md read them. Invariant: what a row says is declared nowhere else.
public import JSON

/// A call from the relay to an agent.
public final class MethodRow: Sendable {
    /// What it does, for the protocol's table.
    public let does: String
    /// How long the relay waits for the reply.
    public let deadline: Deadline
    /// Whether it may change something at a target: a site that is read-only refuses it.
    public let changesTargets: Bool
    /// Whether each call begins where the caller's last one ended, so that a repetition would give
    /// other output.
    public let movesReader: Bool
    /// Whether it waits for output, of which clients may want progress meanwhile.
    public let hasProgress: Bool
    /// The argument that bounds the output in the reply; nil if the reply has no output.
    public let limit: Field<Int>?
    /// Its arguments.
    public let arguments: [Declaration]
    /// The members of its result.
    public let result: [Declaration]
    /// The tool that makes the call for a client; nil if there is none.
    public let tool: ToolRow?
    /// The tool whose scopes, routes and site rules hold for the call.
    ///
    /// Its own, or where it has none that of the call whose work it does; nil if the relay makes it
    /// for itself.
    public let rules: ToolRow?

    /// The most bytes of a reply with output or a file: as much as the tunnel carries.
    public static let largeReply = Contract.callBytes
    /// The most bytes of any other reply: lists and descriptions stay far below it.
    public static let smallReply = 1 << 20

    /// The most bytes of a reply.
    public var replyLimit: Int {
        limit != nil || tool?.isLarge == true ? Self.largeReply : Self.smallReply
    }

    /// Whether running it twice differs from running it once: the relay gives such a call a key, by
    /// which the agent runs it once.
    public var runsOnce: Bool { changesTargets || movesReader }

    /// A row; the tool has the call's arguments and results where it does not declare others.
    ///
    /// `relayArguments` are those that the relay gives by itself and no tool shows. `judgedAs` is
    /// the tool whose rules hold for a call without one.
    public init(
        does: String, deadline: Deadline, changesTargets: Bool, movesReader: Bool = false,
        hasProgress: Bool = false,
        limit: Field<Int>? = nil, arguments: [Declaration] = [],
        relayArguments: [Declaration] = [], result: [Declaration] = [],
        tool: ToolRow? = nil, judgedAs rules: ToolRow? = nil
    ) {
        self.does = does
        self.deadline = deadline
        self.changesTargets = changesTargets
        self.movesReader = movesReader
        self.hasProgress = hasProgress
        self.limit = limit
        self.arguments = arguments + relayArguments
        self.result = result
        self.tool = tool?.over(arguments, result)
        self.rules = self.tool ?? rules
    }
}

/// A tool, as MCP clients see it and as the relay serves it.
public final class ToolRow: Sendable {
    /// Hints for clients about what it does.
    public struct Hints: Sendable, Equatable {
        /// It changes nothing.
        public let readOnly: Bool
        /// It may destroy something.
        public let destructive: Bool
        /// Calling it again with the same arguments has no further effect.
        public let idempotent: Bool
        /// It reaches beyond the agents and the relay.
        public let openWorld: Bool

        /// Looks, at agents or at targets.
        public static func looks(atTargets: Bool) -> Hints {
            Hints(readOnly: true, destructive: false, idempotent: true, openWorld: atTargets)
        }

        /// Changes something.
        public static func changes(
            destructive: Bool, idempotent: Bool, atTargets: Bool
        ) -> Hints {
            Hints(
                readOnly: false, destructive: destructive, idempotent: idempotent,
                openWorld: atTargets)
        }
    }

    /// Its name, by which policies name it too.
    public let name: String
    /// Its name for people.
    public let title: String
    /// What it does and when to use it, for models.
    public let description: String
    /// Every scope that a call of it needs.
    public let scopes: Set<Scope>
    /// The hints.
    public let hints: Hints
    /// The ways to its agent; the first whose argument is given is used.
    public let routes: [Route]
    /// Whether its results may be long.
    public let isLarge: Bool
    /// How its results read as text.
    public let form: AnswerForm
    /// Its arguments.
    public let arguments: [Declaration]
    /// The members of its result.
    public let result: [Declaration]

    /// A tool; `arguments` and `result` are added to those of its call, or replace them.
    public init(
        _ name: String, title: String, _ description: String, scopes: Set<Scope>, hints: Hints,
        routes: [Route], isLarge: Bool = false, form: AnswerForm = .members,
        arguments: [Declaration] = [], result: [Declaration] = []
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.scopes = scopes
        self.hints = hints
        self.routes = routes
        self.isLarge = isLarge
        self.form = form
        self.arguments = arguments
        self.result = result
    }

    /// The JSON Schema of its result for models: members may be added later.
    public var outputSchema: JSON { .object(result.schema(.brief)) }
    /// The JSON Schema of its result with all that is declared.
    public var resultSchema: JSON { .object(result.schema(.whole)) }

    /// The tool with its call's arguments and result added.
    fileprivate func over(_ arguments: [Declaration], _ result: [Declaration]) -> ToolRow {
        ToolRow(
            name, title: title, description, scopes: scopes, hints: hints, routes: routes,
            isLarge: isLarge, form: form, arguments: arguments.merged(with: self.arguments),
            result: self.result.isEmpty ? result : self.result)
    }
}
