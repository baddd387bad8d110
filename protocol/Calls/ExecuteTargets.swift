// What the tool `ssh_execute` adds to `command.execute`: several targets, in which order and how
// many at once. The relay reads these arguments; agents do not know them. Pure.
public import JSON

/// On which targets a command runs, and how.
public struct ExecuteTargets: CallArguments {
    /// One target; nil: `targets` names them.
    public var target: String?
    /// Targets by name, glob or tag.
    public var targets: [String]
    /// The most targets on which the command starts or is waited for at once.
    public var parallel: Int
    /// How many targets have the command before the next ones get it; nil: no batches.
    public var batch: Int?
    /// The time between the end of a batch and the start of the next.
    public var pause: Duration
    /// Whether nothing more starts once the command has failed on a target.
    public var stopsOnFailure: Bool
    /// Whether to answer with the targets only.
    public var isDryRun: Bool

    /// The most targets that names, globs and tags may stand for in one call: the answers of 1,000
    /// targets fill at most a fifth of the values that a client's answer may have.
    public static let limit = 1000

    private static let target = Shared.target.optional
    /// Targets by name, glob or tag.
    public static let targets = Field.texts(
        "targets", atMost: 256,
        "In place of target: names, globs (site*/web*), tag:NAME (the targets of "
            + "agents with this tag) or tag:NAME/web*."
    ).or([])
    private static let parallel = Field.integer(
        "parallel", in: 1...256,
        "The most targets at once."
    ).or(32)
    private static let batch = Field.integer(
        "batch", in: 1...limit,
        "Run on this many targets, wait for all ends, then go on with the next."
    ).optional
    private static let pause = Field.seconds(
        "pause_s", in: 0...600, "The time between two batches."
    ).or(.zero)
    private static let stopsOnFailure = Field.flag(
        "stop_on_failure",
        "Start nothing more once it has failed, timed out or not run on a target; each "
            + "end is waited for."
    ).or(false)
    private static let isDryRun = Field.flag(
        "dry_run", "Run nothing: answer with the targets it would run on."
    ).or(false)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Self.target]
        targets = try fields[Self.targets]
        parallel = try fields[Self.parallel]
        batch = try fields[Self.batch]
        pause = try fields[Self.pause]
        stopsOnFailure = try fields[Self.stopsOnFailure]
        isDryRun = try fields[Self.isDryRun]
        guard target == nil || targets.isEmpty else {
            throw Fault(
                .invalidArgument,
                "give either \"target\" or \"targets\": \"targets\" takes one name as well")
        }
        let isBackground = try fields[ExecuteCommand.isBackground]
        let isDetached = try fields[ExecuteCommand.isDetached]
        guard !waitsForEnds || !isBackground && !isDetached else {
            throw Fault(
                .invalidArgument,
                "\"batch\" and \"stop_on_failure\" wait for each command's end, and \"background\" and"
                    + " \"detached\" do not: leave one or the other out")
        }
        guard target != nil || !targets.isEmpty else {
            throw Fault(.invalidArgument, "give \"target\" or \"targets\"; target_list shows them")
        }
    }

    /// Whether a target's command is waited for until its end, however long `wait_s` is.
    public var waitsForEnds: Bool { batch != nil || stopsOnFailure }

    /// The arguments of one target's call: those of the tool without these.
    public static func arguments(_ all: JSON.Object, for target: String) -> JSON.Object {
        var own = all
        for declaration in arguments { own[declaration.name] = nil }
        own[Self.target.name] = .string(target)
        return own
    }

    static let arguments = [
        target.declaration, targets.declaration, parallel.declaration, batch.declaration,
        pause.declaration, stopsOnFailure.declaration, isDryRun.declaration,
    ]
}
