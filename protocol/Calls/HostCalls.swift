// `host.read` and `host.report`: what operators ask of a host, each in one round trip, as rows or
// as a short text. Pure.
public import JSON

/// What can be read of a host.
public enum HostSubject: String, Sendable, CaseIterable {
    case processes, disks, memory, network, ports, services
    case failedServices = "failed_services"
    case journal, users, updates, containers
    case containerLogs = "container_logs"
    case compose
    case zfsPools = "zfs_pools"
    case cron, certificates
}

/// The arguments of `host.read`.
public struct ReadHost: CallArguments {
    /// `agent/host`.
    public var target: String
    /// What is read.
    public var subject: HostSubject
    /// A service (journal) or a container (container_logs).
    public var name: String?
    /// Keeps the rows that contain this text.
    public var query: String?
    /// The most rows.
    public var limit: Int
    /// How to enter the target.
    public var access: TargetAccess

    private static let subject = Field<HostSubject>.choice(
        "what",
        "What to read. processes: the busiest first. ports: what listens. journal: the "
            + "newest messages. users: accounts that can log in, and who is. updates: by the "
            + "package lists that the host has. certificates: of the usual servers' folders, "
            + "the first to expire first.")
    private static let name = Field.text(
        "name", atMost: 256,
        "For journal: keep the messages of this service. For container_logs: "
            + "the container."
    ).optional
    private static let query = Field.text(
        "query",
        "Keep the rows in which a value contains this text, whatever the case of its letters."
    ).optional
    private static let limit = Field.integer(
        "limit", in: 1...500, "The most rows."
    ).or(40)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Shared.target]
        subject = try fields[Self.subject]
        name = try fields[Self.name]
        query = try fields[Self.query]
        limit = try fields[Self.limit]
        access = try TargetAccess(fields)
        guard subject != .containerLogs || name != nil else {
            throw Fault(
                .invalidArgument,
                "\"name\" is missing: the container, as \"what\": \"containers\" shows it")
        }
    }

    static let row = MethodRow(
        does: "reads one subject of a host, as rows", deadline: HostTable.deadline,
        changesTargets: false,
        arguments: [
            Shared.target.declaration, subject.declaration, name.declaration, query.declaration,
            limit.declaration,
        ] + TargetAccess.arguments,
        result: HostTable.members,
        tool: ToolRow(
            "host_read", title: "Read a host's state",
            """
            Reads one subject of a host in one round trip and returns it as rows. Works on Linux, on \
            BusyBox and as far as possible on BSD; notes say what the host does not have. Changes \
            nothing.
            """,
            scopes: [.filesRead], hints: .looks(atTargets: true), routes: [.target("target")],
            isLarge: true))
}

/// The result of `host.read`.
public struct HostTable: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// What was read.
    public var subject: HostSubject
    /// The rows, as many as asked for.
    public var rows: [JSON] = []
    /// How many rows there are.
    public var total = 0
    /// Remarks: what the host lacks, what is not known.
    public var notes: [String] = []

    /// Reaching the target and logging in, then the script, with room for the way back.
    static let deadline = Deadline(.seconds(105))

    private static let subject = Field<HostSubject>.choice("what", "What was read.")
    private static let rows = Field.objects(
        "rows", [], "The rows; a value that the host does not give is left out.")
    private static let total = Field.count(
        "total", "How many rows there are, where limit left some out."
    ).optional
    private static let notes = Field.texts(
        "notes", "What the host does not have, and what cannot be seen by this account."
    ).or([])

    static let members = [
        Shared.target.declaration, subject.declaration, total.declaration, rows.declaration,
        notes.declaration,
    ]

    /// A table to be filled in.
    public init(target: String, subject: HostSubject) {
        (self.target, self.subject) = (target, subject)
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Shared.target, target)
        members.put(Self.subject, subject)
        members.put(Self.total, total > rows.count ? total : nil)
        members.put(Self.rows, rows)
        members.put(Self.notes, notes)
        return members.json
    }
}

/// The arguments and the result of `host.report`.
public struct ReportHost: CallArguments {
    /// `agent/host`.
    public var target: String
    /// How to enter the target.
    public var access: TargetAccess

    /// The most bytes of a report: about 1,000 tokens of a model.
    public static let limit = 4000

    private static let report = Field.text(
        "report", "Lines `title: text`: system, load, memory, disks, addresses, services, programs."
    )

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Shared.target]
        access = try TargetAccess(fields)
    }

    /// The result.
    public static func json(_ target: String, _ text: String) -> JSON {
        var members = Members()
        members.put(Shared.target, target)
        members.put(report, text)
        return members.json
    }

    static let row = MethodRow(
        does: "takes a first look at a host", deadline: HostTable.deadline, changesTargets: false,
        arguments: [Shared.target.declaration] + TargetAccess.arguments,
        result: [Shared.target.declaration, report.declaration],
        tool: ToolRow(
            "host_report", title: "First look at a host",
            """
            The first look at an unknown host, in one call and at most 4 KB: system, load, memory, \
            disks, addresses, failed services, ports, the busiest processes, containers, tools. \
            host_read has the details of each.
            """,
            scopes: [.filesRead], hints: .looks(atTargets: true), routes: [.target("target")],
            form: .text))
}
